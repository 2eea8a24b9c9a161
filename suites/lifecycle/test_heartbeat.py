"""Peers that have gone silent, and peers that have not (4)."""

import json
import time

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import units
from bodhisattva.fixtures.fixture_types import AllowTime, Fresh, Raw
from bodhisattva.fixtures.frames import Opcode, encode
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.degradation.stalled_reader import HIGH_MESSAGE_RATE, LARGE_SEND_BUFFER, PIECE, flood

MARGIN = 4.0
QUICK = {"ping_interval": units(1), "ping_timeout": units(1)}  # stretched as LONG is
LONG = 6.0
"""Units of time in which a silent peer would have been cut several times over."""
PIECES = 64


@clause(
    "LIFECYCLE-018",
    level="MUST",
    section="4",
    feature="core",
    profile="core",
    text="A peer that answers no pings is cut once the ping timeout has passed, and not before.",
)
async def test_silent_peer_is_cut(node: Node, raw: Raw, allow_time: AllowTime) -> None:
    limits = await node.limits()
    interval, timeout = limits["ping_interval"], limits["ping_timeout"]
    allow_time(interval + timeout)
    peer = await raw()
    await peer.authenticate(node.tokens.usual(node.service))
    assert (await peer.receive(interval + MARGIN)).opcode == Opcode.PING
    pinged = time.monotonic()
    await peer.closed(timeout + MARGIN)
    waited = time.monotonic() - pinged
    assert waited >= timeout * 0.9, f"cut {waited:.2f} s after a ping"


@clause(
    "LIFECYCLE-019",
    level="MUST",
    section="4",
    feature="core",
    profile="core",
    text="A peer that answers pings with their payload is pinged at the claimed interval, and stays connected "
    "without any other message.",
)
async def test_answering_peer_lives(node: Node, raw: Raw, allow_time: AllowTime) -> None:
    limits = await node.limits()
    interval, timeout = limits["ping_interval"], limits["ping_timeout"]
    allow_time(interval + timeout + interval)
    peer = await raw()
    await peer.authenticate(node.tokens.usual(node.service))
    begun = time.monotonic()
    while time.monotonic() - begun < interval + timeout + units(1):
        frame = await peer.receive(interval + MARGIN)
        assert frame.opcode == Opcode.PING, f"no ping but {frame}"
        await peer.frame(Opcode.PONG, frame.payload)
    assert (await peer.request("ping")).type == "pong"


@clause(
    "LIFECYCLE-030",
    level="MUST",
    section="4",
    feature="core",
    profile="live",
    text="A peer whose message takes longer than the ping timeout to arrive is not cut while its bytes come.",
)
async def test_slow_sender_lives(fresh: Fresh, raw: Raw) -> None:
    node = await fresh(timeouts=QUICK)
    peer = await raw(node)
    await peer.authenticate(node.tokens.usual(node.service))
    message = json.dumps({"type": "request", "event": "ping", "id": "slow"}).encode()
    await peer.drip(encode(Opcode.TEXT, message), pieces=len(message) // 2, over=LONG)
    assert (await peer.envelope()).correlation_id == "slow"


@clause(
    "LIFECYCLE-031",
    level="SHOULD",
    section="4",
    feature="core",
    profile="live",
    text="A peer that reads slowly, and so comes to a ping later than the ping timeout, is not cut while it reads, as "
    "far as no proxy in between takes what it does not read.",
)
async def test_slow_reader_lives(fresh: Fresh, raw: Raw) -> None:
    node = await fresh(timeouts=QUICK, limits={**HIGH_MESSAGE_RATE, "queue_bytes": LARGE_SEND_BUFFER, "queue_age": 120})
    node.require_direct()
    peer = await raw(node)
    await peer.authenticate(node.tokens.usual(node.service))
    peer.narrow(PIECE)
    flood(peer, PIECES)
    answers = await peer.sip(PIECES, over=LONG, within=MARGIN)
    assert Opcode.CLOSE not in {frame.opcode for frame in answers}
    assert (await peer.request("ping", within=LONG)).type == "pong"
