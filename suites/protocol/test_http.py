"""A service's description of itself: the welcome (2.4) and over HTTP (6)."""

import re

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.declaration import claims
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient

METRICS = (
    "websocket_connections_current",
    "websocket_connections_total",
    "websocket_messages_sent_total",
    "websocket_messages_received_total",
    "websocket_message_duration_seconds",
    "websocket_broadcast_duration_seconds",
    "websocket_errors_total",
)
LIMITS = {
    "connections",
    "messages_per_second",
    "burst",
    "channels",
    "message_bytes",
    "nesting",
    "auth_timeout",
    "ping_interval",
    "ping_timeout",
    "drain_timeout",
    "deduplication_window",
    "expiry_warning",
    "max_token_lifetime",
}


@clause(
    "PROTOCOL-070",
    level="MUST",
    section="6",
    feature="core",
    profile="operable",
    text="The well-known document claims service, version, protocol version, features, limits, channels and requests.",
)
async def test_well_known_claims(node: Node) -> None:
    answer = await node.http("/.well-known/bodhisattva.json")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    claimed = claims(answer, node.origin)
    assert claimed["service"] == node.service
    assert claimed["version"]
    assert claimed["protocol"]
    assert isinstance(claimed["features"], list)
    lacking = LIMITS - claimed["limits"].keys()
    assert not lacking, f"no claim about {sorted(lacking)}"
    assert {"kind": "global", "persisted": True, "private": False} in claimed["channels"]
    assert claimed["requests"]["queries"]
    assert claimed["requests"]["commands"]


@clause(
    "PROTOCOL-071",
    level="MUST",
    section="2.4",
    feature="core",
    profile="core",
    text="The welcome names connection, server, rate limit and features as claimed, whether its user is authenticated, "
    "and how secure the connection is.",
)
async def test_welcome(connect: Connect, node: Node) -> None:
    claimed = await node.well_known()
    welcomes = [(await connect()).welcome for _ in range(2)]
    for welcome in welcomes:
        assert welcome is not None
        data = welcome.data
        assert data["server"] == claimed["server"]
        assert isinstance(data["message"], str)
        authenticated = data["authenticated"]
        assert authenticated is ("auth" in claimed["features"]), (
            "the welcome does not show whether the connection is authenticated"
        )
        assert sorted(data["features"]) == sorted(claimed["features"])
        assert data["secure"] is node.secure
        assert data["tls_mode"] == ("WSS" if node.secure else "WS")
        assert data["rate_limit"]["messages_per_second"] == claimed["limits"]["messages_per_second"]
    ids = {welcome.data["connection_id"] for welcome in welcomes if welcome is not None}
    assert len(ids) == 2, "two connections have one id"


@clause(
    "PROTOCOL-072",
    level="MUST",
    section="6",
    feature="core",
    profile="operable",
    text="A service that lives and takes work answers 200 at /health and /ready.",
)
async def test_health_and_ready(node: Node) -> None:
    for path in ("/health", "/ready"):
        assert (await node.http(path)).status == 200, path
    assert (await node.http("/no/such/page")).status == 404


@clause(
    "PROTOCOL-073",
    level="MUST",
    section="6",
    feature="metrics",
    profile="operable",
    text="The metrics have the protocol's names, with the service as a label, and move with what happens.",
)
async def test_metrics(connect: Connect, node: Node, sample: RequestSamples) -> None:
    names = {line.split()[2] for line in (await node.metrics()).splitlines() if line.startswith("# TYPE")}
    lacking = [name for name in METRICS if name not in names and name.removesuffix("_total") not in names]
    assert not lacking, f"no metrics {lacking}"
    before = await node.metrics()
    client = await connect()
    await client.refusal(*sample.not_found())
    await client.answer(*sample.command())
    after = await node.metrics()
    assert f'service="{node.service}"' in after
    for name in ("connections_total", "messages_received_total", "messages_sent_total", "errors_total"):
        full = f"websocket_{name}"
        assert _sum(after, full) > _sum(before, full), f"{full} did not rise"
    here = _sum(after, "websocket_connections_current")
    assert here >= 1
    assert client.welcome is not None
    assert client.welcome.data["connection_id"] not in after, "a connection's id is a label"


@clause(
    "PROTOCOL-074",
    level="MUST",
    section="6",
    feature="metrics",
    profile="operable",
    text="The count of current connections goes back when a connection ends, in order or by a cut line.",
)
async def test_current_connections_go_back(connect: Connect, fresh: Fresh) -> None:
    node = await fresh()
    opened = [await connect(node) for _ in range(4)]
    name = "websocket_connections_current"
    assert _sum(await node.metrics(), name) == 4
    await opened[1].close()
    await opened[2].abort()

    async def back() -> bool:
        return _sum(await node.metrics(), name) == 2

    await eventually(back, "the count of two connections")
    assert (await opened[0].request("ping")).type == "pong"


@clause(
    "PROTOCOL-090",
    level="MUST",
    section="6",
    feature="metrics",
    profile="operable",
    text="The labels of metrics are bounded: no name that a client chooses makes a new series.",
)
async def test_labels_are_bounded(connect: Connect, fresh: Fresh, sample: RequestSamples) -> None:
    node = await fresh()
    await _name_things(await connect(node), sample, 0)
    before = _series(await node.metrics())
    for n in (1, 2):
        await _name_things(await connect(node, user=f"user-{n}"), sample, n)
    more = sorted(_series(await node.metrics()) - before)
    assert not more, f"series of a client's making: {more}"


async def _name_things(client: WireClient, sample: RequestSamples, n: int) -> None:
    """Make a client's names known to the service, wherever it takes some."""
    name = f"name-{n}"
    await client.subscribe(sample.channel(n))
    await client.answer(*sample.command(n))
    await client.refusal(*sample.not_found())
    await client.refusal(name, {})
    await client.refusal("subscribe", {"channel": f"{name}:{name}"})
    await client.send({"type": name, "id": name, "event": name})
    await client.send("no json")
    await client.error("DECODE_ERROR")


@clause(
    "PROTOCOL-091",
    level="MUST",
    section="6",
    feature="metrics",
    profile="operable",
    text="The metrics count the events that are replayed on a resume, and show whether the service drains.",
)
async def test_metrics_of_replay_and_drain(connect: Connect, fresh: Fresh, sample: RequestSamples) -> None:
    node = await fresh(timeouts={"drain_grace": 3})
    writer, reader = await connect(node), await connect(node)
    series = sample.sequence(count=3)
    for call in series.setup:
        await writer.answer(*call)
    joined = (await writer.subscribe(series.channel)).data
    for call in series.calls:
        await writer.answer(*call)
    missed = (await writer.answer("history", {"channel": series.channel, "after": joined["offset"]})).data["events"]
    await reader.subscribe(series.channel, since={"epoch": joined["epoch"], "offset": joined["offset"]})
    await reader.events(len(missed), room=series.channel)
    text = await node.metrics()
    assert _sum(text, "websocket_replayed_events_total") == len(missed)
    assert _sum(text, "websocket_draining") == 0
    await node.terminate()

    async def drains() -> bool:
        return _sum(await node.metrics(), "websocket_draining") == 1

    await eventually(drains, "websocket_draining is 1")


def _series(text: str) -> set[str]:
    """Names and labels, without values."""
    return {line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("websocket_")}


def _sum(text: str, name: str) -> float:
    """All values of a metric, over its labels."""
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)", text, re.MULTILINE))
