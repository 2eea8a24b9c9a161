"""aiohttp's WebSocket, held to RFC 6455 where it is laxer: masked frames (5.1) and the closing handshake (7.1).

aiohttp cuts the line once its close frame is sent while somebody waits in `receive`, and after a violation. What
the peer still sends then meets a closed socket, whose reset destroys the close frame before the peer has read it.
Here the line is kept, and what still arrives is dropped, until the peer has said its part or had its time.
"""

import asyncio
from typing import Any

from aiohttp import WebSocketError, web

from bodhisattva.servers.core.masking import MaskGuard

CLOSE_TIMEOUT = 2.0  # seconds for the peer's part of the closing handshake


class _Line:
    """aiohttp's parser of a connection, behind the guard.

    ended: done once nothing of the peer is to be waited for; gone: done once the socket is closed.
    """

    def __init__(self, parser: Any, queue: Any) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        self._guard = MaskGuard()
        self._parser = parser
        self._queue = queue
        self._failed = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Always asks for more: after a failure it is dropped here, up to the peer's close frame."""
        if self.ended.done():
            return False, b""
        try:
            self._guard.follow(data)
        except WebSocketError as violation:
            self._queue.set_exception(violation)
            self._failed = True
            self.ended.set_result(None)  # without masks there is no telling where a close frame is
            return False, b""
        if not self._failed:
            self._failed, _ = self._parser.feed_data(data)
        if self._guard.closed:
            self.ended.set_result(None)
        return False, b""

    def feed_eof(self) -> None:
        self._parser.feed_eof()
        for part in (self.ended, self.gone):
            if not part.done():
                part.set_result(None)


class WebSocket(web.WebSocketResponse):
    """A WebSocketResponse that only `end` closes.

    aiohttp has no place for the guard: its parser is put behind it where it is installed, and what came together
    with the upgrade is fed after that.
    """

    _line: _Line

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: Any) -> None:
        connection = request.protocol
        early, connection._message_tail = connection._message_tail, b""
        super()._post_start(request, protocol, writer)
        self._line = _Line(self._parser, self._reader)
        connection._payload_parser = self._line
        if early:
            self._line.feed_data(early)

    async def close(self, **_: Any) -> bool:
        """aiohttp's own closes, on a violation and when the handler is done, would pass what is still due."""
        return False

    async def end(self, code: int, reason: str) -> bool:
        """Send a close frame and wait for the peer's; False if it did not come in time."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await super().close(code=code, message=reason.encode(), drain=False)
                await self._line.ended
        except TimeoutError:
            return False
        return True

    async def leave(self) -> bool:
        """Close the socket once it has taken what is due; False if it did not in time."""
        super()._close_transport()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._line.gone
        except TimeoutError:
            return False
        return True

    def _close_transport(self) -> None:
        """Not yet: see `leave`."""
