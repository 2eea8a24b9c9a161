"""What a connection holds is freed when it ends (2.5)."""

import uuid

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.endings import HandshakeRefused
from bodhisattva.fixtures.fixture_types import Connect, Fresh, Raw
from bodhisattva.fixtures.frames import Opcode
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node


@clause(
    "SECURITY-020",
    level="MUST",
    section="2.5",
    feature="core",
    profile="secure",
    text="A connection that is reset frees its slot and its place on channels at once.",
)
@pytest.mark.parametrize("authenticated", [True, False])
async def test_reset_frees_the_slot(
    connect: Connect, raw: Raw, fresh: Fresh, sample: RequestSamples, *, authenticated: bool
) -> None:
    # Room for the watcher, the peer, and the prober of the round before, which may still be on its way out.
    node = await fresh(limits={"connections": 3}, timeouts={"auth": 60, "ping_interval": 60, "ping_timeout": 60})
    watcher = await connect(node)
    for _ in range(3):
        peer = await raw(node)
        if authenticated:
            await peer.authenticate(node.tokens.usual(node.service))
            await peer.request("subscribe", {"channel": sample.channel()})
        await peer.abort()
        await eventually(lambda: _admitted(connect, node), "a slot after a reset")
    members = (await watcher.answer("presence", {"channel": sample.channel()})).data["members"]
    assert members == [], "who is gone is still on the channel"


@clause(
    "SECURITY-021",
    level="MUST",
    section="2.5",
    feature="auth",
    profile="secure",
    text="Connections that have not authenticated count towards the capacity.",
)
async def test_unauthenticated_connections_count(connect: Connect, fresh: Fresh) -> None:
    node = await fresh(limits={"connections": 2}, timeouts={"auth": 60})
    await connect(node, authenticate=False)
    second = await connect(node, authenticate=False)
    extra = await connect(node, authenticate=False)
    assert (await extra.closed()).code == 1013
    await second.authenticate(node.tokens.usual(node.service))


@clause(
    "SECURITY-022",
    level="MUST",
    section="1",
    feature="auth",
    profile="secure",
    text="A service's log holds no token, accepted or refused, in a message or a header, and no secret.",
)
async def test_log_holds_no_token(connect: Connect, fresh: Fresh, raw: Raw) -> None:
    node = await fresh()
    endless = uuid.uuid4().hex
    broken = await raw(node, upgrade=False)
    answer = await broken.upgrade(headers={"Authorization": f"Bearer {endless}{'x' * 100_000}"})
    assert 400 <= answer.status < 500
    good, bad = node.tokens.usual(node.service), node.tokens.wrong_secret()
    await connect(node, token=good)
    refused = await connect(node, authenticate=False)
    await refused.request("auth", {"token": bad})
    await refused.closed()
    with pytest.raises(HandshakeRefused):
        await connect(node, authenticate=False, headers={"Authorization": f"Bearer {bad}"})
    await node.stop()
    log = await node.log()
    assert log, "the service keeps no log"
    for secret in (*good.split(".")[1:], *bad.split(".")[1:], endless, node.tokens.secret):
        assert secret not in log, "a token or secret is in the log"


@clause(
    "SECURITY-173",
    level="MUST",
    section="2.5",
    feature="presence",
    profile="live",
    text="A connection that the service closes has given back its slot and its place on channels when its client "
    "notices, whether that answers the close or not.",
)
async def test_close_frees_the_slot(connect: Connect, raw: Raw, fresh: Fresh, sample: RequestSamples) -> None:
    node = await fresh(limits={"connections": 2})
    watcher = await connect(node)
    peer = await raw(node)
    await peer.authenticate(node.tokens.usual(node.service))
    await peer.request("subscribe", {"channel": sample.channel()})
    await peer.frame(Opcode.BINARY, b"{}")
    assert (await peer.closed()).code == 1003
    members = (await watcher.answer("presence", {"channel": sample.channel()})).data["members"]
    assert members == [], "who is closed is still on the channel"
    assert await _admitted(connect, node), "the slot is kept for who has not answered the close"


async def _admitted(connect: Connect, node: Node) -> bool:
    """Whether there is room for one more, which is left again."""
    client = await connect(node, authenticate=False)
    try:
        await client.authenticate(node.tokens.usual(node.service))
    except AssertionError:
        return False
    await client.close()
    return True
