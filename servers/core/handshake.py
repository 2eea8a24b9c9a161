"""The upgrade: aiohttp answers the request, then the transport is the WebSocket's and aiohttp lets go of it."""

import asyncio
from typing import Any

from aiohttp import web


class Upgrade(web.WebSocketResponse):
    """aiohttp's answer to an upgrade, and nothing after it.

    transport: the connection, which is nobody's yet. early: what the peer sent together with the request.
    """

    transport: asyncio.Transport
    early: bytes

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: Any) -> None:
        """Where aiohttp would begin to read frames."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Where aiohttp would close."""


async def take_over(request: web.Request) -> Upgrade:
    """Answer the upgrade; ConnectionResetError if the peer is gone.

    aiohttp's handler of the connection is told that the connection is lost, so that it frees all that it holds.
    """
    upgrade = Upgrade(compress=False)
    await upgrade.prepare(request)
    handler = request.protocol
    if request.transport is None:
        raise ConnectionResetError("the peer is gone")
    upgrade.transport = request.transport
    upgrade.early, handler._message_tail = handler._message_tail, b""
    handler.transport = None  # it would close it
    handler.connection_lost(None)
    return upgrade
