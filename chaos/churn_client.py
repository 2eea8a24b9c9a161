"""A client of the connection churn: it works on a diagram, and ends its connection in one of eight ways."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from bodhisattva.fixtures.clock import TimedOut
from bodhisattva.fixtures.frames import Opcode, encode
from bodhisattva.fixtures.raw import RawPeer
from bodhisattva.fixtures.stack.node import Node

SERVICE = "excalidraw"
DIAGRAMS = 50
_TIMEOUT = 30.0
_FOREVER = 1e6
_COMMANDS = 4  # requests of a connection, in the mean


class RequestRefused(Exception):
    """The service answered a valid request with an error, or closed the connection."""


# How a connection may end otherwise than by its client's own way.
CHURN_ERRORS = (OSError, EOFError, TimedOut, RequestRefused, AssertionError)


class Pace(msgspec.Struct, frozen=True):
    """Seconds. warm_up, soak: of churn. stay: of a connection, in the mean. heartbeat: the service's.

    window: for which the service keeps answers. drain: within which all must be released.
    """

    warm_up: float
    soak: float
    stay: float
    heartbeat: float
    window: float
    drain: float

    @classmethod
    def of(cls, seconds: float) -> "Pace":
        """For so many seconds of churn in all, a quarter of it as warm-up."""
        heartbeat = min(max(seconds / 60, 1), 10)
        window, stay = 2 * heartbeat, min(max(seconds / 60, 0.5), 10)
        return cls(seconds / 4, seconds * 3 / 4, stay, heartbeat, window, 15 + 2 * window)

    @property
    def timeouts(self) -> dict[str, float]:
        """The service's `timeouts`."""
        return {"ping_interval": self.heartbeat, "ping_timeout": self.heartbeat, "deduplication": self.window}

    @property
    def silence(self) -> float:
        """After which the service must have closed a connection whose client went silent."""
        return 3 * self.heartbeat


class _Envelope(msgspec.Struct):
    type: str
    error_code: str | None = None


class ChurnClient:
    """One user with one connection. rng: its own randomness."""

    def __init__(self, node: Node, rng: random.Random, pace: Pace) -> None:
        self.rng = rng
        self.pace = pace
        self.name = uuid.UUID(int=rng.getrandbits(128)).hex
        self.diagram = f"d{rng.randrange(DIAGRAMS)}"
        self._node = node

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[RawPeer]:
        """A TCP connection, for as long as the block, unless it ends before."""
        peer = await RawPeer.connect(self._node.host, self._node.port, self._node.trust, within=_TIMEOUT)
        try:
            yield peer
        finally:
            await peer.close()

    async def run(self, ending: str) -> None:
        """Connect, and end the connection that way. Raises one of CHURN_ERRORS if it ends otherwise."""
        async with self.connection() as peer:
            await ENDINGS[ending](self, peer)

    async def authenticate(self, peer: RawPeer) -> None:
        await peer.upgrade(within=_TIMEOUT)
        await self.request(peer, "auth", token=self.token)
        await peer.envelope(_TIMEOUT)  # the welcome

    @property
    def token(self) -> str:
        return self._node.tokens.valid(self.name, [f"{SERVICE}:write"])

    async def join(self, peer: RawPeer) -> None:
        """Authenticate, subscribe to channels that are shared and to one of its own, and join a diagram."""
        await self.authenticate(peer)
        shared = (f"{kind}:{self.diagram}" for kind in ("diagram", "cursor", "presence"))
        for channel in (*shared, f"diagram:{self.name}"):
            await self.request(peer, "subscribe", channel=channel)
        await self.request(peer, "join_diagram", diagram_id=self.diagram)

    async def request(self, peer: RawPeer, event: str, **data: Any) -> None:
        answer = await peer.request(event, data, _TIMEOUT)
        if answer.type != "response":
            raise RequestRefused(f"{event}: {answer!r}")

    async def stay(self, peer: RawPeer) -> None:
        """Receive events, answer pings and send a few requests, for about `pace.stay` seconds."""
        seconds = self.rng.expovariate(1 / self.pace.stay)
        async with _receiving(peer) as receiving:
            pauses = [self.rng.uniform(0, 2 * seconds / _COMMANDS) for _ in range(_COMMANDS)]
            for pause in pauses:
                await asyncio.wait({receiving}, timeout=pause)
                if receiving.done():
                    return receiving.result()
                await self._send_request(peer)
        return None

    async def _send_request(self, peer: RawPeer) -> None:
        element = {"id": "e", "type": "rectangle", "version": self.rng.getrandbits(31), "versionNonce": 1}
        elsewhere = {"channel": f"diagram:{self.name}-{self.rng.getrandbits(32):x}"}
        event, data = self.rng.choice(
            [
                ("update_diagram", {"diagram_id": self.diagram, "elements": [element]}),
                ("move_cursor", {"diagram_id": self.diagram, "position": {"x": 1, "y": 2}}),
                ("subscribe", elsewhere),
                ("unsubscribe", {"channel": f"cursor:{self.diagram}"}),
            ]
        )
        await peer.text({"type": "request", "id": uuid.uuid4().hex, "event": event, "data": data})


@asynccontextmanager
async def _receiving(peer: RawPeer) -> "AsyncIterator[asyncio.Task[None]]":
    task = asyncio.create_task(_receive(peer))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _receive(peer: RawPeer) -> None:
    while True:
        frame = await peer.receive(_FOREVER)
        if frame.opcode == Opcode.PING:
            await peer.frame(Opcode.PONG, frame.payload)
        elif frame.opcode == Opcode.TEXT:
            head = msgspec.json.decode(frame.payload, type=_Envelope)
            if head.type == "error":
                raise RequestRefused(f"a request was answered {head.error_code}")
        elif frame.opcode == Opcode.CLOSE:
            raise RequestRefused(f"closed {int.from_bytes(frame.payload[:2], 'big')} {frame.payload[2:].decode()}")


async def close(client: ChurnClient, peer: RawPeer) -> None:
    """In order: both close frames."""
    await client.join(peer)
    await client.stay(peer)
    await peer.send_close()
    await peer.closed(_TIMEOUT)


async def drop(client: ChurnClient, peer: RawPeer) -> None:
    """The TCP connection ends without a close frame."""
    await client.join(peer)
    await client.stay(peer)


async def reset(client: ChurnClient, peer: RawPeer) -> None:
    await client.join(peer)
    await client.stay(peer)
    await peer.abort()


async def within_a_frame(client: ChurnClient, peer: RawPeer) -> None:
    await client.join(peer)
    await client.stay(peer)
    await peer.send(encode(Opcode.TEXT, b'{"type":', length=4000))
    await peer.abort()


async def silence(client: ChurnClient, peer: RawPeer) -> None:
    """Half open: the client neither reads nor answers, so the service must detect that and close."""
    await client.join(peer)
    await asyncio.sleep(client.pace.silence)
    await peer.ended(_TIMEOUT)


async def within_the_upgrade(client: ChurnClient, peer: RawPeer) -> None:
    await peer.send(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: webso")
    if client.rng.random() < 0.5:
        await peer.abort()


async def before_the_token(client: ChurnClient, peer: RawPeer) -> None:
    await peer.upgrade(within=_TIMEOUT)
    if client.rng.random() < 0.5:
        await peer.abort()


async def within_the_authentication(client: ChurnClient, peer: RawPeer) -> None:
    """Gone before the answer comes."""
    await peer.upgrade(within=_TIMEOUT)
    await peer.text({"type": "request", "id": "a", "event": "auth", "data": {"token": client.token}})
    await peer.abort()


ENDINGS: Mapping[str, Callable[[ChurnClient, RawPeer], Awaitable[None]]] = {
    ending.__name__.replace("_", " "): ending
    for ending in (
        close,
        drop,
        reset,
        within_a_frame,
        silence,
        within_the_upgrade,
        before_the_token,
        within_the_authentication,
    )
}
