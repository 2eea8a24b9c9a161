"""A peer's WebSocket: RFC 6455 by aiohttp's parser, read and written without a task or a queue of its own.

aiohttp speaks HTTP and answers the upgrade (see `handshake`); then the transport is this protocol's, and nothing of
aiohttp's side of a connection lives on. Bytes are parsed as they arrive (see `frame_reader`). aiohttp's parser is laxer
than the RFC, so a validator reads the bytes before it (see `frame_validator`).

The closing handshake (7.1) is kept: after our close frame, or a violation, what the peer still sends is dropped until
its close frame comes or its time is over. A socket that is closed before that answers with a reset, which destroys the
close frame before the peer has read it.
"""

import asyncio
import time
from typing import Any, Protocol

from aiohttp import WSMessage, WSMsgType

from bodhisattva.servers.core.transport import frames
from bodhisattva.servers.core.transport.frame_reader import FrameReader
from bodhisattva.servers.core.transport.frame_validator import FrameValidator
from bodhisattva.servers.core.transport.frames import ABNORMAL, PROTOCOL_ERROR
from bodhisattva.servers.core.transport.lifecycle import CLOSED, Lifecycle
from bodhisattva.servers.core.transport.tls import is_secure

CLOSE_TIMEOUT = 2.0  # seconds for the peer's part of the closing handshake
_CHUNK = 4 * 1024  # bytes that are parsed at once: small frames cost far more than their bytes
_TIME_SLICE = 0.005  # seconds of parsing, after which the loop serves others
_BUFFERED_TLS = 1  # bytes in the transport from which it counts as behind; with 0 asyncio's TLS transport always is


class Owner(Protocol):
    """What a WebSocket calls, in the order of events; at most one `peer_closed` or `protocol_error`."""

    def data_received(self) -> None:
        """Bytes came, of whatever kind."""

    def message_received(self, message: WSMessage) -> None:
        """A text, binary, ping or pong."""

    def batch_end(self) -> None:
        """All messages that came together were received."""

    def peer_closed(self, code: int) -> None:
        """Nothing more is received: the code of the peer's close frame, or ABNORMAL."""

    def protocol_error(self, code: int) -> None:
        """Nothing more is received, since the peer broke the rules: the code to close with. It may still read."""

    def writable_changed(self, is_writable: bool) -> None:
        """Whether the peer takes what it is sent as fast as it is sent."""

    def connection_lost(self) -> None:
        """The socket is closed."""


class WebSocket(asyncio.BufferedProtocol):
    """One peer's, from the upgrade to the end of its socket; it is read from `start` on.

    lifecycle: the state of the connection, which its owner changes up to the end of the socket.
    """

    __slots__ = (
        "_frame_reader",
        "_is_outdated",
        "_owner",
        "_parser",
        "_peer_done",
        "_validator",
        "_waiter",
        "deflates",
        "lifecycle",
        "transport",
    )

    def __init__(self, transport: asyncio.Transport, frame_reader: FrameReader, *, deflates: bool = False) -> None:
        self.transport = transport
        self.lifecycle = Lifecycle()
        self.deflates = deflates
        self._frame_reader = frame_reader
        self._validator = FrameValidator()
        self._parser: Any = frame_reader.parser(deflates=deflates)  # None after a violation
        self._is_outdated = False
        self._owner: Owner
        self._peer_done = False  # its close frame has come, or none can come any more
        self._waiter: asyncio.Future[None] | None = None

    def start(self, owner: Owner) -> None:
        """Take over the transport."""
        self._owner = owner
        self._frame_reader.open.add(self)
        secure = is_secure(self.transport)
        self.transport.set_protocol(self)
        self.transport.set_write_buffer_limits(high=_BUFFERED_TLS if secure else 0, low=0)
        if not secure and self.transport.get_write_buffer_size():
            owner.writable_changed(False)  # asyncio reported it to aiohttp, or not at all
        self.transport.resume_reading()

    def renew_parser(self) -> None:
        """Take a parser with the new limit, since none can be given another; amid a message, after it."""
        self._is_outdated = not self._validator.between_messages
        if self._parser is not None and not self._is_outdated:
            self._parser = self._frame_reader.parser(deflates=self.deflates)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._frame_reader.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.take(bytes(self._frame_reader.buffer[:nbytes]))

    def pause_writing(self) -> None:
        self._owner.writable_changed(False)

    def resume_writing(self) -> None:
        self._owner.writable_changed(True)

    def eof_received(self) -> None:
        """The transport closes itself once it has sent what is due."""
        self._close_by_peer(ABNORMAL)
        self._finish_peer()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lifecycle.enter(CLOSED)
        self._frame_reader.discard(self)
        self._peer_done = True
        self._wake()
        self._owner.connection_lost()

    async def close_handshake(self, code: int, reason: str, patience: float = 0.0) -> bool:
        """Send a close frame and wait for the peer's; False if it did not come in time.

        patience: seconds for which the peer may take to read up to the close frame, where that is longer than usual.
        """
        if not self.transport.is_closing():
            self.transport.write(frames.close(code, reason))
        return self._peer_done or await self._wait(max(CLOSE_TIMEOUT, patience))

    async def close_transport(self) -> bool:
        """Close the socket once it has taken what is due; False if it did not in time."""
        if not self.transport.is_closing():
            self.transport.close()
        return self.lifecycle.state is CLOSED or await self._wait(CLOSE_TIMEOUT)

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
        """Parse bytes in chunks, and let the loop serve other connections in between."""
        ends = time.monotonic() + _TIME_SLICE
        for start in range(0, len(data), _CHUNK):
            if start and time.monotonic() >= ends:
                self._defer(data[start:])
                return
            self.feed(data[start : start + _CHUNK])

    def _defer(self, rest: bytes) -> None:
        """Go on in the next iteration of the loop, and read nothing until then."""
        if not self.transport.is_closing():
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._continue, rest)

    def _continue(self, rest: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()
            self.take(rest)

    def feed(self, data: bytes) -> None:
        """Parse bytes and hand their messages on; after a violation only the peer's close frame is waited for."""
        if self._peer_done:
            return
        valid = self._validator.validate(data)
        if self._is_read:
            self._owner.data_received()
            self._receive(*self._frame_reader.parse(self._parser, data[:valid]))
            if self._is_outdated:
                self.renew_parser()
        if self._validator.violation is not None:
            self._break_off(self._validator.violation)
        if self._validator.is_over:
            self._finish_peer()

    @property
    def _is_read(self) -> bool:
        return self._parser is not None and self.lifecycle.sends

    def _receive(self, messages: list[WSMessage], violation: BaseException | None) -> None:
        for message in messages:
            if message.type is WSMsgType.CLOSE:
                return self._close_by_peer(int(message.data))
            self._owner.message_received(message)
        if violation is not None:
            return self._break_off(getattr(violation, "code", PROTOCOL_ERROR))
        return self._owner.batch_end()

    def _close_by_peer(self, code: int) -> None:
        if self._is_read:
            self._owner.peer_closed(code)

    def _break_off(self, code: int) -> None:
        """What follows a violation cannot be parsed."""
        if self._is_read:
            self._parser = None
            self._owner.protocol_error(code)

    def _finish_peer(self) -> None:
        if not self._peer_done:
            self._peer_done = True
            self._wake()
