"""The published client gets in, or gets an error (2, 7)."""

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.outcome import NotAllowed
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.tokens import Tokens
from bodhisattva.suites.interop.client_factories import OpenPublished
from bodhisattva.suites.interop.peer_process import PeerError, PeerProcess
from bodhisattva.suites.interop.published_client import PublishedClient

WELCOME = "session.created"


async def _welcome(client: PublishedClient, node: Node) -> dict[str, object]:
    """The data of the welcome. session-buddy has events of the same name, and the handler does not get the room."""
    event = await client.wait_for_event(WELCOME, lambda e: "connection_id" in e.data)
    assert event.data["server"], f"{node.service} does not name itself: {event!r}"
    return dict(event.data)


@clause(
    "INTEROP-001",
    level="MUST",
    section="2",
    feature="tls",
    profile="interop",
    text="The published client connects over TLS with the authority's certificate as its ca_file, authenticates with "
    "its token, and is welcomed.",
)
async def test_connects_over_tls(node: Node, published: OpenPublished) -> None:
    """It takes the first frame for the answer to its `auth`, whatever it is: nothing may come before that."""
    client = await published(handle=[WELCOME])
    state = await client.state()
    assert (state["connected"], state["authenticated"], state["secure"]) == (True, True, True)
    welcome = await _welcome(client, node)
    assert (welcome["authenticated"], welcome["secure"], welcome["tls_mode"]) == (True, True, "WSS")
    assert await client.warnings() == []


@clause(
    "INTEROP-002",
    level="MUST",
    section="2",
    feature="core",
    profile="interop",
    text="Without TLS the published client does the same over ws: it authenticates, its requests resolve, and the "
    "events of its rooms reach it.",
)
async def test_works_over_plain_text(
    fresh: Fresh, published: OpenPublished, connect: Connect, sample: RequestSamples
) -> None:
    node = await fresh(tls=None)
    client = await published(node, handle=[WELCOME, sample.event])
    state = await client.state()
    assert (state["connected"], state["authenticated"], state["secure"]) == (True, True, False)
    welcome = await _welcome(client, node)
    assert (welcome["authenticated"], welcome["secure"], welcome["tls_mode"]) == (True, False, "WS")
    await client.subscribe(sample.channel())
    await client.answer(*sample.command())
    sample.readback().check(await client.answer(*sample.readback().call))
    await client.wait_for_event(sample.event, sample.concerns)
    await (await connect(node)).answer(*sample.command(1))
    assert await client.warnings() == []


@clause(
    "INTEROP-003",
    level="MUST",
    section="7",
    feature="tls",
    profile="interop",
    text="Without the authority that issued the service's certificate the published client refuses the connection.",
)
async def test_refuses_an_unknown_authority(node: Node, published: OpenPublished) -> None:
    if node.ca is None:
        raise NotAllowed("the target's certificate is one that the whole machine trusts")
    client = await published(ca=False, connect=False)
    with pytest.raises(PeerError, match="CERTIFICATE_VERIFY_FAILED"):
        await client.connect()


@clause(
    "INTEROP-004",
    level="MUST",
    section="2",
    feature="auth",
    profile="interop",
    text="An expired token and one of another secret make the published client's connect raise ConnectionError: "
    "Authentication failed.",
)
async def test_bad_tokens_raise(tokens: Tokens, node: Node, published: OpenPublished) -> None:
    """It raises so only if the refusal is an `error` frame of its own before the close, as the protocol has it."""
    allowed = [f"{node.service}:write"]
    for token in (tokens.expired(permissions=allowed), tokens.wrong_secret(permissions=allowed)):
        client = await published(token=token, connect=False)
        with pytest.raises(PeerError, match=r"^ConnectionError: Authentication failed$"):
            await client.connect()
        assert (await client.state())["authenticated"] is False


@clause(
    "INTEROP-005",
    level="MUST",
    section="2",
    feature="auth",
    profile="interop",
    text="A published client without a token has its first request answered with AUTH_REQUIRED, and its connection "
    "closed with 1008.",
)
async def test_no_token(node: Node, published: OpenPublished, sample: RequestSamples) -> None:
    """It calls itself connected after the upgrade, token or not: the answer is the first that it learns of it.

    Its disconnect raises what ended the connection, and nothing else of it shows the close code.
    """
    client = await published(token=None)
    answer = await client.request(*sample.readback().call)
    assert (answer.type, answer.error_code) == ("error", "AUTH_REQUIRED")

    async def lost() -> bool:
        return (await client.state())["connected"] is False

    await eventually(lost, f"the published client notices that {node.service} has closed")
    assert (await client.state())["authenticated"] is False
    with pytest.raises(PeerError, match=r"received 1008 \(policy violation\) Authentication required"):
        await client.disconnect()


@clause(
    "INTEROP-006",
    level="MUST",
    section="2",
    feature="auth",
    profile="interop",
    text="A token that the published authenticator mints with the service's secret is accepted.",
)
async def test_published_token(
    node: Node, tokens: Tokens, peer_process: PeerProcess, published: OpenPublished, sample: RequestSamples
) -> None:
    """Its tokens live an hour and hold user_id, permissions, exp and iat, and nothing else."""
    if type(tokens) is not Tokens or tokens.audience is not None:
        raise NotAllowed("the target does not give away the secret, or wants an audience that this authenticator omits")
    payload = {"user_id": "published", "permissions": [f"{node.service}:write"]}
    token = await peer_process.do("mint", secret=tokens.secret, payload=payload)
    client = await published(token=token)
    assert (await client.state())["authenticated"] is True
    await client.answer(*sample.command())
