"""One guest: comes, takes part like a user of a diagram, and leaves in one of the ways in which connections end."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from bodhisattva.chaos.soak.pace import Pace
from bodhisattva.fixtures.frames import Opcode, encode
from bodhisattva.fixtures.raw import RawPeer
from bodhisattva.fixtures.stack.node import Node

SERVICE = "excalidraw"
DIAGRAMS = 50
_PATIENCE = 30.0
_FOREVER = 1e6
_COMMANDS = 4  # of a guest in its time, in the mean


class Refused(Exception):
    """The service answered a proper request with an error."""


class _Head(msgspec.Struct):
    type: str
    error_code: str | None = None


class Guest:
    """What a guest needs: the service, the chance that decides, and the pace."""

    def __init__(self, node: Node, chance: random.Random, pace: Pace) -> None:
        self.chance = chance
        self.pace = pace
        self.name = uuid.UUID(int=chance.getrandbits(128)).hex
        self.diagram = f"d{chance.randrange(DIAGRAMS)}"
        self._node = node

    @asynccontextmanager
    async def line(self) -> AsyncIterator[RawPeer]:
        """A TCP connection, for as long as the block, unless it ends before."""
        peer = await RawPeer.connect(self._node.host, self._node.port, self._node.trust, within=_PATIENCE)
        try:
            yield peer
        finally:
            await peer.close()

    async def visit(self, ending: str) -> None:
        """Come, and leave by that ending. ConnectionError, EOFError, TimedOut or Refused if it was hindered."""
        async with self.line() as peer:
            await ENDINGS[ending](self, peer)

    async def authenticate(self, peer: RawPeer) -> None:
        await peer.upgrade(within=_PATIENCE)
        await self.ask(peer, "auth", token=self.token)
        await peer.envelope(_PATIENCE)  # the welcome

    @property
    def token(self) -> str:
        return self._node.tokens.valid(self.name, [f"{SERVICE}:write"])

    async def enter(self, peer: RawPeer) -> None:
        """Authenticate, subscribe to what others share and to what nobody else has, and be present."""
        await self.authenticate(peer)
        shared = (f"{kind}:{self.diagram}" for kind in ("diagram", "cursor", "presence"))
        for channel in (*shared, f"diagram:{self.name}"):
            await self.ask(peer, "subscribe", channel=channel)
        await self.ask(peer, "join_diagram", diagram_id=self.diagram)

    async def ask(self, peer: RawPeer, event: str, **data: Any) -> None:
        answer = await peer.request(event, data, _PATIENCE)
        if answer.type != "response":
            raise Refused(f"{event}: {answer!r}")

    async def stay(self, peer: RawPeer) -> None:
        """Take part for a while: hear everything, answer pings, and now and then draw, point and look elsewhere."""
        seconds = self.chance.expovariate(1 / self.pace.stay)
        async with _hearing(peer) as heard:
            pauses = [self.chance.uniform(0, 2 * seconds / _COMMANDS) for _ in range(_COMMANDS)]
            for pause in pauses:
                await asyncio.wait({heard}, timeout=pause)
                if heard.done():
                    return heard.result()
                await self._take_part(peer)
        return None

    async def _take_part(self, peer: RawPeer) -> None:
        element = {"id": "e", "type": "rectangle", "version": self.chance.getrandbits(31), "versionNonce": 1}
        elsewhere = {"channel": f"diagram:{self.name}-{self.chance.getrandbits(32):x}"}
        event, data = self.chance.choice(
            [
                ("update_diagram", {"diagram_id": self.diagram, "elements": [element]}),
                ("move_cursor", {"diagram_id": self.diagram, "position": {"x": 1, "y": 2}}),
                ("subscribe", elsewhere),
                ("unsubscribe", {"channel": f"cursor:{self.diagram}"}),
            ]
        )
        await peer.text({"type": "request", "id": uuid.uuid4().hex, "event": event, "data": data})


@asynccontextmanager
async def _hearing(peer: RawPeer) -> "AsyncIterator[asyncio.Task[None]]":
    listener = asyncio.create_task(_hear(peer))
    try:
        yield listener
    finally:
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener


async def _hear(peer: RawPeer) -> None:
    while True:
        frame = await peer.receive(_FOREVER)
        if frame.opcode == Opcode.PING:
            await peer.frame(Opcode.PONG, frame.payload)
        elif frame.opcode == Opcode.TEXT:
            head = msgspec.json.decode(frame.payload, type=_Head)
            if head.type == "error":
                raise Refused(f"a request was answered {head.error_code}")
        elif frame.opcode == Opcode.CLOSE:
            raise Refused(f"closed {int.from_bytes(frame.payload[:2], 'big')} {frame.payload[2:].decode()}")


async def close(guest: Guest, peer: RawPeer) -> None:
    """In order: both close frames."""
    await guest.enter(peer)
    await guest.stay(peer)
    await peer.send_close()
    await peer.closed(_PATIENCE)


async def drop(guest: Guest, peer: RawPeer) -> None:
    """The TCP connection ends without a close frame."""
    await guest.enter(peer)
    await guest.stay(peer)


async def reset(guest: Guest, peer: RawPeer) -> None:
    await guest.enter(peer)
    await guest.stay(peer)
    await peer.abort()


async def within_a_frame(guest: Guest, peer: RawPeer) -> None:
    await guest.enter(peer)
    await guest.stay(peer)
    await peer.send(encode(Opcode.TEXT, b'{"type":', length=4000))
    await peer.abort()


async def silence(guest: Guest, peer: RawPeer) -> None:
    """Half open: the peer neither reads nor answers; the service has to find that out by itself, and lets go."""
    await guest.enter(peer)
    await asyncio.sleep(guest.pace.silence)
    await peer.ended(_PATIENCE)


async def within_the_upgrade(guest: Guest, peer: RawPeer) -> None:
    await peer.send(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: webso")
    if guest.chance.random() < 0.5:
        await peer.abort()


async def before_the_token(guest: Guest, peer: RawPeer) -> None:
    await peer.upgrade(within=_PATIENCE)
    if guest.chance.random() < 0.5:
        await peer.abort()


async def within_the_authentication(guest: Guest, peer: RawPeer) -> None:
    """Gone before the answer comes."""
    await peer.upgrade(within=_PATIENCE)
    await peer.text({"type": "request", "id": "a", "event": "auth", "data": {"token": guest.token}})
    await peer.abort()


ENDINGS: Mapping[str, Callable[[Guest, RawPeer], Awaitable[None]]] = {
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
