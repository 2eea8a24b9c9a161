"""Peers that have gone silent, and peers that have not (4)."""

import time

from bodhisattva.fixtures.authors import Connect, Raw
from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import units
from bodhisattva.fixtures.frames import Opcode
from bodhisattva.fixtures.stack.base import Node

MARGIN = 4.0


@clause(
    "LIFECYCLE-018",
    level="MUST",
    section="4",
    feature="core",
    profile="core",
    text="A peer that answers no pings is cut once the ping timeout has passed, and not before.",
)
async def test_silent_peer_is_cut(node: Node, connect: Connect) -> None:
    limits = await node.limits()
    begun = time.monotonic()
    client = await connect(answer_pings=False)
    await client.closed(limits["ping_interval"] + limits["ping_timeout"] + MARGIN)
    assert time.monotonic() - begun >= limits["ping_timeout"]


@clause(
    "LIFECYCLE-019",
    level="MUST",
    section="4",
    feature="core",
    profile="core",
    text="A peer that answers pings with their payload is pinged at the claimed interval, and lives without a word.",
)
async def test_answering_peer_lives(node: Node, raw: Raw) -> None:
    limits = await node.limits()
    interval, timeout = limits["ping_interval"], limits["ping_timeout"]
    peer = await raw()
    await peer.authenticate(node.tokens.usual(node.service))
    begun = time.monotonic()
    while time.monotonic() - begun < interval + timeout + units(1):
        frame = await peer.receive(interval + MARGIN)
        assert frame.opcode == Opcode.PING, f"no ping but {frame}"
        await peer.frame(Opcode.PONG, frame.payload)
    assert (await peer.request("ping")).type == "pong"
