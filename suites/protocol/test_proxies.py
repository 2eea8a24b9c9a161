"""Who a client is that comes through proxies (2.2, 2.4)."""

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Fresh

# Wherever the suite itself comes from, it is a proxy of these.
HERE = ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
ELSEWHERE = ["203.0.113.0/24"]
ONE_EACH = {"connections_per_address": 1}


@clause(
    "PROTOCOL-250",
    level="MUST",
    section="2.2",
    feature="core",
    profile="operable",
    text="Who is no trusted proxy has the room of its own address, whatever it writes into the headers of proxies.",
)
async def test_strangers_are_not_believed(connect: Connect, fresh: Fresh) -> None:
    for networks in ([], ELSEWHERE):
        node = await fresh(limits=ONE_EACH, trusted_proxies=networks)
        await connect(node)
        for headers in (
            {"X-Forwarded-For": "198.51.100.1"},
            {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"},
            {"Forwarded": "for=198.51.100.1"},
            {"X-Real-IP": "198.51.100.1"},
        ):
            extra = await connect(node, authenticate=False, headers=headers)
            assert (await extra.closed()).code == 1013, f"{headers} where {networks} are trusted"


@clause(
    "PROTOCOL-251",
    level="MUST",
    section="2.2",
    feature="core",
    profile="operable",
    text="Behind trusted proxies each client has the room of its own address: the last one in X-Forwarded-For that is "
    "no trusted proxy's, whatever stands before it.",
)
async def test_trusted_proxies_name_the_client(connect: Connect, fresh: Fresh) -> None:
    node = await fresh(limits=ONE_EACH, trusted_proxies=HERE)
    for named in ("203.0.113.7", "2001:db8::7", "203.0.113.8, 10.0.0.6"):
        await connect(node, headers={"X-Forwarded-For": named})
    for same in (
        "198.51.100.1, 203.0.113.7",
        "[2001:DB8::0007]:4711",
        "198.51.100.1,203.0.113.8:4711, 10.0.0.7,10.0.0.6",
    ):
        extra = await connect(node, authenticate=False, headers={"X-Forwarded-For": same})
        assert (await extra.closed()).code == 1013, f"{same} has more than the room of one address"


@clause(
    "PROTOCOL-252",
    level="MUST",
    section="2.4",
    feature="core",
    profile="operable",
    text="The welcome shows how the client itself came: by the scheme that a trusted proxy names, never a stranger.",
)
async def test_trusted_proxies_name_the_scheme(connect: Connect, fresh: Fresh) -> None:
    for networks, believed in ((HERE, True), (ELSEWHERE, False)):
        node = await fresh(trusted_proxies=networks)
        for scheme, secure in (("http", False), ("https", True)):
            client = await connect(node, headers={"X-Forwarded-Proto": scheme})
            assert client.welcome is not None
            expected = secure if believed else node.secure
            assert client.welcome.data["secure"] is expected, f"{scheme} by {networks}"
