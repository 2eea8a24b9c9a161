"""Bytes to messages by aiohttp's parser, through one buffer that all WebSockets of a loop share."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import WebSocketError, WSCloseCode, WSMessage, WSMsgType
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader

from bodhisattva.servers.core.transport import compression, frames

_BUFFER = 64 * 1024


class Source(Protocol):
    """A WebSocket whose frames are read."""

    transport: asyncio.Transport

    def renew_parser(self) -> None:
        """The limit of a message has changed."""


class _Messages(WebSocketDataQueue):
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


class FrameReader:
    """Parses for all WebSockets of one loop, one after the other.

    limit: the largest message that is taken, in bytes. open: the WebSockets whose sockets are not closed.
    """

    def __init__(self, limit: Callable[[], int]) -> None:
        self.open: set[Source] = set()
        self.buffer = memoryview(bytearray(_BUFFER))
        self._parsed = _Messages()
        self._limit = limit
        self._all_closed: asyncio.Future[None] | None = None

    def message_bytes(self) -> int:
        return self._limit()

    def renew(self) -> None:
        """The limit has changed, for open WebSockets too."""
        for source in self.open:
            source.renew_parser()

    def parser(self, *, deflates: bool) -> Any:
        """aiohttp's parser for one connection. It refuses what is as long as its limit, and inflates one byte more."""
        longest = self.message_bytes()
        if deflates:
            longest = compression.at_worst(longest)
        return WebSocketReader(self._parsed, longest + 1, compress=deflates, decode_text=True)

    async def close(self) -> None:
        """Abort what is open, and wait until all sockets are closed."""
        for source in self.open:
            source.transport.abort()
        if self.open:
            self._all_closed = asyncio.get_running_loop().create_future()
            await self._all_closed

    def discard(self, source: Source) -> None:
        """Forget a WebSocket whose socket is closed."""
        self.open.discard(source)
        if self._all_closed is not None and not self.open:
            self._all_closed.set_result(None)
            self._all_closed = None

    def parse(self, parser: Any, data: bytes) -> tuple[list[WSMessage], BaseException | None]:
        """The messages that these bytes complete, and the violation that ends them."""
        parsed = self._parsed
        parsed.limit = self.message_bytes()
        parser.feed_data(data)
        messages, violation = parsed.messages, parsed.violation
        parsed.messages, parsed.violation = [], None
        return messages, violation
