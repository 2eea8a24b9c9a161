"""A client that stops reading, as on a dead phone or in a blocked thread."""

import json
import re
from collections.abc import Awaitable, Callable

from bodhisattva.fixtures.clock import PATIENCE, eventually
from bodhisattva.fixtures.fixture_types import Connect, Raw
from bodhisattva.fixtures.frames import Opcode, encode
from bodhisattva.fixtures.raw import RawPeer
from bodhisattva.fixtures.request_samples import Call, RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import ConnectionEnded, WireClient
from bodhisattva.suites.performance.many_connections import UNDER_LOAD

FLOOD = 48 * 1024 * 1024
"""Bytes of output: more than sockets and one proxy between a service and its client keep for themselves.

A proxy's receive buffer alone grows to 32 MB where the kernel lets it (tcp_rmem).
"""

FLOODS = 3

LARGE_SEND_BUFFER = (FLOODS + 1) * FLOOD
"""A bound on waiting bytes that no flood reaches."""

PIECE = 128 * 1024
PIECES = FLOOD // PIECE

LONG_PING_TIMEOUTS = {"ping_interval": 120, "ping_timeout": 120}
"""Timeouts that let a client be silent for as long as a clause takes."""

HIGH_MESSAGE_RATE = {"messages_per_second": 10_000}


async def stalled_reader(raw: Raw, node: Node, channel: str) -> tuple[RawPeer, str]:
    """A subscriber that reads no more from here on, and its connection's id."""
    peer = await raw(node)
    welcome = await peer.authenticate(node.tokens.usual(node.service))
    answer = await peer.request("subscribe", {"channel": channel})
    assert answer.type == "response", f"subscribe was refused: {answer!r}"
    peer.narrow(PIECE)
    return peer, welcome.data["connection_id"]


def flood(peer: RawPeer, pieces: int = PIECES) -> None:
    """Ask for `FLOOD` bytes of answers in so many pings, each of which comes back with its long id of `PIECE` bytes."""
    for number in range(pieces):
        _request(peer, Call("ping", {}), f"{number}".ljust(PIECE, "."))


async def flood_until(peer: RawPeer, condition: Callable[[], Awaitable[bool]], what: str, every: float) -> None:
    """Flood the peer until the condition holds: again once all was taken, for longer ways keep more for themselves."""
    floods = iter(range(FLOODS))

    async def holds() -> bool:
        if not peer.unsent and next(floods, None) is not None:
            flood(peer)
        return await condition()

    await eventually(holds, what, UNDER_LOAD, every)


async def fill_send_buffer(peer: RawPeer, subscriber: WireClient, sample: RequestSamples) -> None:
    """`flood`, and return when all its answers wait: the peer's next request, a command, takes effect."""
    await subscriber.subscribe(sample.channel("stalled"))
    flood(peer)
    _request(peer, sample.command("stalled"), "after the flood")
    await subscriber.event(sample.event, sample.channel("stalled"), UNDER_LOAD, lambda e: sample.concerns(e, "stalled"))


def _request(peer: RawPeer, call: Call, name: str) -> None:
    """Send a request without waiting until it is taken."""
    message = {"type": "request", "id": name, "event": call.event, "data": call.data}
    peer.write(encode(Opcode.TEXT, json.dumps(message).encode()))


async def has_free_slot(connect: Connect, node: Node) -> bool:
    """Whether the service has room for one more connection, which is left again."""
    headers = {"Authorization": f"Bearer {node.tokens.usual(node.service)}"}
    client = await connect(node, authenticate=False, headers=headers)
    try:
        await client.event("session.created", within=PATIENCE)
    except ConnectionEnded:
        return False
    finally:
        await client.close()
    return True


async def slow_consumer_count(node: Node) -> float:
    """How many connections were closed as too slow, by the metrics; the protocol leaves the metric's name open."""
    text = await node.metrics()
    return sum(float(value) for value in re.findall(r"^\w*slow\w*_total(?:\{[^}]*\})? (\S+)", text, re.MULTILINE))
