"""A peer's WebSocket: RFC 6455 by aiohttp's parser, read and written without a task or a queue of its own.

aiohttp speaks HTTP and answers the upgrade (see `handshake`); then the transport is this protocol's, and nothing of
aiohttp's side of a connection lives on. What arrives is judged and parsed where it arrives. aiohttp's parser is laxer
than the RFC, so a guard follows the bytes before it (see `masking`).

The closing handshake (7.1) is kept: after our close frame, or a violation, what the peer still sends is dropped until
it has said its part or had its time. A socket that is closed before that answers with a reset, which destroys the
close frame before the peer has read it.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import WebSocketError, WSCloseCode, WSMessage, WSMsgType
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader

from bodhisattva.servers.core.transport import compression, frames
from bodhisattva.servers.core.transport.frames import ABNORMAL, PROTOCOL_ERROR
from bodhisattva.servers.core.transport.masking import MaskGuard
from bodhisattva.servers.core.transport.outbox import is_secure

CLOSE_TIMEOUT = 2.0  # seconds for the peer's part of the closing handshake
_READ = 64 * 1024
_PIECE = 4 * 1024
_STINT = 0.005  # seconds after which it is others' turn, and what came is taken in further in the next one
_BUFFERED_TLS = 1  # bytes in the transport from which it counts as behind; with 0 asyncio's TLS transport always is


class Owner(Protocol):
    """Whom a WebSocket tells what comes, in order; at most one `ended` or `broke`, then `lost`."""

    def heard(self) -> None:
        """Bytes came, of whatever kind."""

    def receive(self, message: WSMessage) -> None:
        """A text, binary, ping or pong."""

    def settle(self) -> None:
        """All that came together was received."""

    def ended(self, code: int) -> None:
        """Nothing more is received: the code of the peer's close frame, or ABNORMAL."""

    def broke(self, code: int) -> None:
        """Nothing more is received, since the peer broke the rules: the code to close with. It may still read."""

    def behind(self, is_behind: bool) -> None:
        """Whether the peer takes less than it is sent."""

    def lost(self) -> None:
        """The socket is closed."""


class _Arrivals(WebSocketDataQueue):
    """Where aiohttp's parser puts what it has read; it is emptied before the next bytes are parsed.

    limit: bytes of the largest message, after decompression.
    """

    def __init__(self) -> None:
        super().__init__(None, 0, loop=None)  # type: ignore[arg-type] # only its own reading would need them
        self.limit = 0
        self.messages: list[WSMessage] = []
        self.violation: BaseException | None = None

    def feed_data(self, data: Any, size: int) -> None:
        if size > self.limit:
            self.set_exception(WebSocketError(WSCloseCode.MESSAGE_TOO_BIG, "The message is too large."))
        elif data.type is WSMsgType.CLOSE and data.data > frames.LAST_CLOSE_CODE:
            self.set_exception(WebSocketError(WSCloseCode.PROTOCOL_ERROR, "Nobody may send this close code."))
        elif self.violation is None:
            self.messages.append(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        self.violation = self.violation or exc


class Intake:
    """What the WebSockets of one loop share, since each takes in what came before the next one does.

    limit: the largest message that is taken, in bytes. open: the WebSockets whose sockets are not closed.
    """

    def __init__(self, limit: Callable[[], int]) -> None:
        self.open: set[WebSocket] = set()
        self.buffer = memoryview(bytearray(_READ))
        self._arrivals = _Arrivals()
        self._limit = limit
        self._emptied: asyncio.Future[None] | None = None

    def message_bytes(self) -> int:
        return self._limit()

    def renew(self) -> None:
        """The limit has become another, for those too who are open."""
        for websocket in self.open:
            websocket.renew()

    def reader(self, *, deflates: bool) -> Any:
        """aiohttp's parser for one connection. It refuses what is as long as its limit, and inflates one byte more."""
        longest = self.message_bytes()
        if deflates:
            longest = compression.at_worst(longest)
        return WebSocketReader(self._arrivals, longest + 1, compress=deflates, decode_text=True)

    async def close(self) -> None:
        """Cut off whoever is left, and wait until they are."""
        for websocket in self.open:
            websocket.transport.abort()
        if self.open:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied

    def left(self, websocket: "WebSocket") -> None:
        self.open.discard(websocket)
        if self._emptied is not None and not self.open:
            self._emptied.set_result(None)
            self._emptied = None

    def parse(self, reader: Any, data: bytes) -> tuple[list[WSMessage], BaseException | None]:
        """The messages that these bytes complete, and the violation that ends them."""
        arrivals = self._arrivals
        arrivals.limit = self.message_bytes()
        reader.feed_data(data)
        messages, violation = arrivals.messages, arrivals.violation
        arrivals.messages, arrivals.violation = [], None
        return messages, violation


class WebSocket(asyncio.BufferedProtocol):
    """One peer's, from the upgrade to the end of its socket; it is read from `start` on."""

    __slots__ = (
        "_ended",
        "_finished",
        "_gone",
        "_guard",
        "_intake",
        "_outdated",
        "_owner",
        "_reader",
        "_waiter",
        "deflates",
        "transport",
    )

    def __init__(self, transport: asyncio.Transport, intake: Intake, *, deflates: bool = False) -> None:
        self.transport = transport
        self._intake = intake
        self._guard = MaskGuard()
        self.deflates = deflates
        self._reader = intake.reader(deflates=deflates)
        self._outdated = False
        self._owner: Owner
        self._finished = False  # the owner is told nothing more of what comes
        self._ended = False  # nothing of the peer is to be waited for
        self._gone = False
        self._waiter: asyncio.Future[None] | None = None

    def start(self, owner: Owner) -> None:
        """Take over the transport."""
        self._owner = owner
        self._intake.open.add(self)
        secure = is_secure(self.transport)
        self.transport.set_protocol(self)
        self.transport.set_write_buffer_limits(high=_BUFFERED_TLS if secure else 0, low=0)
        if not secure and self.transport.get_write_buffer_size():
            owner.behind(True)  # aiohttp was told, or nobody was
        self.transport.resume_reading()

    def renew(self) -> None:
        """Read what comes with another reader, since none can be told another limit; first what has begun to come."""
        self._outdated = not self._guard.between_messages
        if not self._outdated:
            self._reader = self._intake.reader(deflates=self.deflates)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._intake.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.take(bytes(self._intake.buffer[:nbytes]))

    def pause_writing(self) -> None:
        self._owner.behind(True)

    def resume_writing(self) -> None:
        self._owner.behind(False)

    def eof_received(self) -> None:
        """The transport closes itself once it has sent what is due."""
        self._say_last(ABNORMAL)
        self._end()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._finished = self._ended = self._gone = True
        self._intake.left(self)
        self._wake()
        self._owner.lost()

    async def end(self, code: int, reason: str, patience: float = 0.0) -> bool:
        """Send a close frame and wait for the peer's; False if it did not come in time.

        patience: seconds for which the peer may take to read up to the close frame, where that is longer than usual.
        """
        self._finished = True
        if not self.transport.is_closing():
            self.transport.write(frames.close(code, reason))
        return self._ended or await self._wait(max(CLOSE_TIMEOUT, patience))

    async def leave(self) -> bool:
        """Close the socket once it has taken what is due; False if it did not in time."""
        if not self.transport.is_closing():
            self.transport.close()
        return self._gone or await self._wait(CLOSE_TIMEOUT)

    async def _wait(self, patience: float) -> bool:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(patience):
                await self._waiter
        except TimeoutError:
            return False
        return True

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def take(self, data: bytes) -> None:
        """Take in what has come, in pieces: small frames cost far more than their bytes, and others are to be heard."""
        ends = time.monotonic() + _STINT
        for place in range(0, len(data), _PIECE):
            if place and time.monotonic() >= ends:
                self._put_off(data[place:])
                return
            self.feed(data[place : place + _PIECE])

    def _put_off(self, rest: bytes) -> None:
        """Go on in the next turn of the loop, and read nothing until then."""
        if not self.transport.is_closing():
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on, rest)

    def _go_on(self, rest: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()
            self.take(rest)

    def feed(self, data: bytes) -> None:
        """Take in what has come; after a failure it is dropped, up to the peer's close frame."""
        if self._ended:
            return
        self._owner.heard()
        good = self._guard.follow(data)
        if not self._finished:
            self._receive(*self._intake.parse(self._reader, data[:good]))
            if self._outdated:
                self.renew()
        if self._guard.violation is not None:
            self._break(self._guard.violation)
        if self._guard.closed or self._guard.lost:  # without masks there is no telling where a close frame is
            self._end()

    def _receive(self, messages: list[WSMessage], violation: BaseException | None) -> None:
        for message in messages:
            if message.type is WSMsgType.CLOSE:
                return self._say_last(int(message.data))
            self._owner.receive(message)
        if violation is not None:
            return self._break(getattr(violation, "code", PROTOCOL_ERROR))
        return self._owner.settle()

    def _say_last(self, code: int) -> None:
        if not self._finished:
            self._finished = True
            self._owner.ended(code)

    def _break(self, code: int) -> None:
        if not self._finished:
            self._finished = True
            self._owner.broke(code)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._wake()
