"""The upgrade: aiohttp answers the request, then the transport is the WebSocket's and aiohttp lets go of it."""

import asyncio
from typing import Any

from aiohttp import hdrs, web
from multidict import CIMultiDict

from bodhisattva.servers.core.transport import compression


class Upgrade(web.WebSocketResponse):
    """aiohttp's answer to an upgrade, and nothing after it.

    transport: the connection, which has no protocol yet. early: what the peer sent together with the request.
    deflates: whether both sides agreed to compression.
    """

    transport: asyncio.Transport
    early: bytes
    deflates = False

    def __init__(self, *, compress: bool) -> None:
        super().__init__(compress=False)
        self._agrees = compress

    def _handshake(self, request: web.BaseRequest) -> tuple["CIMultiDict[str]", str | None, int, bool]:
        """Where aiohttp would agree to compression, also to offers that must be declined."""
        headers, protocol, _, _ = super()._handshake(request)
        answer = compression.agree(request.headers.getall(hdrs.SEC_WEBSOCKET_EXTENSIONS, ()))
        if self._agrees and answer is not None:
            self.deflates = True
            headers[hdrs.SEC_WEBSOCKET_EXTENSIONS] = answer
        return headers, protocol, 0, True

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: Any) -> None:
        """Where aiohttp would begin to read frames."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Where aiohttp would close."""


async def take_over(request: web.Request, *, compress: bool) -> Upgrade:
    """Answer the upgrade; ConnectionResetError if the peer is gone. compress: agree to it with a peer that offers it.

    aiohttp's handler gets `connection_lost`, so that it frees all that it holds.
    """
    upgrade = Upgrade(compress=compress)
    await upgrade.prepare(request)
    handler = request.protocol
    if request.transport is None:
        raise ConnectionResetError("the peer is gone")
    upgrade.transport = request.transport
    upgrade.early, handler._message_tail = handler._message_tail, b""
    handler.transport = None  # it would close it
    handler.connection_lost(None)
    return upgrade
