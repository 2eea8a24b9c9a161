"""Sockets that are opened and never become a connection (2.5, 4)."""

from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.endings import HandshakeRefused
from bodhisattva.fixtures.fixture_types import Connect, Fresh, Raw
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.security.idle_sockets import IDLE_EXTRA, IDLE_KEPT, MAX_PENDING, closed_peers, open_idle

LIMITED: dict[str, Any] = {"limits": {"pending_connections": MAX_PENDING}, "timeouts": {"handshake": 60}}


@clause(
    "SECURITY-230",
    level="MUST",
    section="4",
    feature="core",
    profile="secure",
    text="Sockets over the number that may be pending are closed at once, whether the others have sent nothing or "
    "have begun TLS; those go on, and connected clients are answered meanwhile.",
)
async def test_silent_sockets_are_limited(fresh: Fresh, connect: Connect, raw: Raw) -> None:
    node = await fresh(**LIMITED)
    client = await connect(node)
    first = [*await open_idle(raw, node, IDLE_KEPT), *[await raw(node, upgrade=False) for _ in range(IDLE_KEPT)]]
    extra = await open_idle(raw, node, IDLE_EXTRA)
    assert (await client.request("ping")).type == "pong"
    await eventually(
        lambda: len(closed_peers(extra)) >= IDLE_EXTRA - (MAX_PENDING - len(first)), "the end of sockets over the limit"
    )
    assert not closed_peers(first), "a socket within the limit was closed"


@clause(
    "SECURITY-231",
    level="MUST",
    section="2.5",
    feature="core",
    profile="secure",
    text="A socket that ends before it is a connection gives its place back at once.",
)
async def test_silent_sockets_give_their_places_back(fresh: Fresh, connect: Connect, raw: Raw) -> None:
    node = await fresh(**LIMITED)
    for _ in range(2):
        await _fill_and_leave(raw, node)
        await eventually(lambda: _admitted(connect, node), "a place after silent sockets have ended")


async def _fill_and_leave(raw: Raw, node: Node) -> None:
    peers = await open_idle(raw, node, IDLE_EXTRA)
    await eventually(lambda: len(closed_peers(peers)) >= IDLE_EXTRA - MAX_PENDING, "the end of sockets over the limit")
    for peer in peers:
        await peer.abort()


async def _admitted(connect: Connect, node: Node) -> bool:
    try:
        client = await connect(node)
    except (HandshakeRefused, OSError, AssertionError):
        return False
    await client.close()
    return True
