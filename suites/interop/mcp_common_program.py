"""The ecosystem's published client (PyPI `mcp-common`), worked by lines of JSON in an interpreter that has it.

It is used as its documentation describes, and nothing of it is replaced. What its user gets, and nothing
else, goes back: what a call returns or raises, what the handlers are given, and what it writes to its log.
"""

import asyncio
import logging
from typing import Any

from mcp_common.websocket import EventTypes, WebSocketAuthenticator, WebSocketClient  # pyright: ignore[reportMissingImports]

from .json_lines import serve

_LOGGER = "mcp_common.websocket.client"


class Log(logging.Handler):
    """What the client wrote to its log since the last `take`."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._records: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append((record.levelname, record.getMessage()))

    async def show(self) -> list[tuple[str, str]]:
        """Level and text of each record."""
        return self._records

    async def take(self) -> list[tuple[str, str]]:
        """`show`, and forget."""
        taken, self._records = self._records, []
        return taken


class Clients:
    """The clients opened so far by number, and what each has shown its handlers, in order."""

    def __init__(self) -> None:
        self._clients: list[WebSocketClient] = []
        self._received: list[list[tuple[str, Any]]] = []

    async def open(self, handle: list[str], **options: Any) -> int:
        """A client with a handler for each event of `handle`, not connected yet; options are its constructor's."""
        client = WebSocketClient(**options)
        received: list[tuple[str, Any]] = []
        for event in handle:
            client.on_event(event)(lambda data, event=event: received.append((event, data)))
        self._clients.append(client)
        self._received.append(received)
        return len(self._clients) - 1

    async def connect(self, client: int) -> None:
        await self._clients[client].connect()

    async def state(self, client: int) -> dict[str, Any]:
        """Its properties."""
        there = self._clients[client]
        return {
            "connected": there.is_connected,
            "authenticated": there.is_authenticated,
            "secure": there.is_secure,
            "connection": there.connection_id,
        }

    async def request(self, client: int, event: str, data: dict[str, Any], timeout: float) -> dict[str, Any]:
        """The message that `send_request` returns; it is a response as well as an error."""
        answer = await self._clients[client].send_request(event, data, timeout)
        return dict(answer.model_dump())

    async def requests(self, client: int, calls: list[tuple[str, dict[str, Any]]], timeout: float) -> list[Any]:
        """All of `calls` at once; the answers in the order of the calls."""
        return list(await asyncio.gather(*(self.request(client, event, data, timeout) for event, data in calls)))

    async def send(self, client: int, event: str, data: dict[str, Any]) -> None:
        await self._clients[client].send(event, data)

    async def subscribe(self, client: int, room: str) -> None:
        await self._clients[client].subscribe_to_room(room)

    async def unsubscribe(self, client: int, room: str) -> None:
        await self._clients[client].unsubscribe_from_room(room)

    async def received(self, client: int) -> list[tuple[str, Any]]:
        """Name and data of each event that a handler was given."""
        return self._received[client]

    async def disconnect(self, client: int) -> None:
        await self._clients[client].disconnect()


async def mint(secret: str, payload: dict[str, Any]) -> str:
    """A token of the published authenticator."""
    return str(WebSocketAuthenticator(secret).create_token(payload))


async def names() -> list[str]:
    """The events that it has constants for."""
    return sorted(value for name, value in vars(EventTypes).items() if name.isupper())


async def main() -> None:
    log, clients = Log(), Clients()
    logging.basicConfig(level=logging.INFO)
    logging.getLogger(_LOGGER).addHandler(log)
    await serve(
        {
            **{action.__name__: action for action in (mint, names)},
            **{action.__name__: action for action in (clients.open, clients.connect, clients.state, clients.received)},
            **{action.__name__: action for action in (clients.request, clients.requests, clients.send)},
            **{action.__name__: action for action in (clients.subscribe, clients.unsubscribe, clients.disconnect)},
            "log": log.show,
            "take_log": log.take,
        }
    )


if __name__ == "__main__":
    asyncio.run(main())
