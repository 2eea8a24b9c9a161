"""The ecosystem's published server, mcp-common's: `broadcast_to_room`, without its authentication and metrics."""

import asyncio
from itertools import count
from typing import Any

from mcp_common.websocket.protocol import WebSocketMessage, WebSocketProtocol  # pyright: ignore[reportMissingImports]
from mcp_common.websocket.server import WebSocketServer  # pyright: ignore[reportMissingImports]

from bodhisattva.chaos.bench.baselines.envelope import HOST, STATE, padding, port
from bodhisattva.chaos.bench.generator import CHANNEL

_CONNECTIONS = 1_000_000


class Server(WebSocketServer):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(HOST, port(), max_connections=_CONNECTIONS)
        self._ids: dict[Any, str] = {}
        self._numbers = count(1)
        self._padding = ""

    async def on_connect(self, websocket: Any, connection_id: str) -> None:
        self._ids[websocket] = connection_id

    async def on_disconnect(self, websocket: Any, connection_id: str) -> None:
        await self.leave_all_rooms(connection_id)
        self._ids.pop(websocket, None)

    async def on_message(self, websocket: Any, message: WebSocketMessage) -> None:
        if message.event == "subscribe":
            await self.join_room(CHANNEL, self._ids[websocket])
        elif message.event == "emit":
            for _ in range(message.data["count"]):
                await self.broadcast_to_room(CHANNEL, self._event())
        await websocket.send(WebSocketProtocol.encode(WebSocketProtocol.create_response(message, STATE)))

    def _event(self) -> WebSocketMessage:
        if not self._padding:
            self._padding = padding(WebSocketProtocol.encode(self._made("00000000", "")))
        return self._made(f"{next(self._numbers):08}", self._padding)

    def _made(self, number: str, value: str) -> WebSocketMessage:
        return WebSocketProtocol.create_event("state.changed", {"offset": number, "value": value}, CHANNEL)


async def main() -> None:
    server = Server()
    await server.start()
    await server.server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
