"""The client of the `websockets` library, worked by lines of JSON in an interpreter that has it.

It is strict: whatever RFC 6455 or RFC 7692 forbids in a frame makes it fail the connection with 1002 or 1007.
"""

import asyncio
import ssl
import time
from typing import Any

from websockets.asyncio.client import ClientConnection, connect  # pyright: ignore[reportMissingImports]
from websockets.exceptions import ConnectionClosed  # pyright: ignore[reportMissingImports]
from websockets.frames import Close  # pyright: ignore[reportMissingImports]

from .json_lines import serve


class Connections:
    """The connections opened so far, by number."""

    def __init__(self) -> None:
        self._connections: list[ClientConnection] = []

    async def open(self, uri: str, ca_file: str | None, **options: Any) -> dict[str, Any]:
        """Connect; options are those of the library's `connect`. Which extensions were agreed on comes back."""
        context = ssl.create_default_context(cafile=ca_file) if uri.startswith("wss:") else None
        connection = await connect(uri, ssl=context, proxy=None, **options)
        self._connections.append(connection)
        agreed = [extension.name for extension in connection.protocol.extensions]
        return {"connection": len(self._connections) - 1, "extensions": agreed}

    async def send(self, connection: int, text: str) -> None:
        await self._connections[connection].send(text)

    async def send_parts(self, connection: int, parts: list[str]) -> None:
        """One message in as many frames."""
        await self._connections[connection].send(parts)

    async def send_bytes(self, connection: int, size: int) -> None:
        await self._connections[connection].send(bytes(size))

    async def receive(self, connection: int, timeout: float) -> str:
        try:
            async with asyncio.timeout(timeout):
                return str(await self._connections[connection].recv(decode=True))
        except TimeoutError:
            raise TimeoutError("no message came") from None

    async def ping(self, connection: int, payloads: list[str], timeout: float) -> float:
        """Send these pings at once; seconds until each had a pong with its payload."""
        begun = time.monotonic()
        pongs = [await self._connections[connection].ping(payload) for payload in payloads]
        try:
            async with asyncio.timeout(timeout):
                await asyncio.gather(*pongs)
        except TimeoutError:
            raise TimeoutError(f"not every one of these pings had a pong with its payload: {payloads}") from None
        return time.monotonic() - begun

    async def close(self, connection: int, code: int, reason: str) -> dict[str, Any]:
        """Close with this code; how that ended, as `ended` has it."""
        await self._connections[connection].close(code, reason)
        return await self.ended(connection, timeout=0)

    async def ended(self, connection: int, timeout: float) -> dict[str, Any]:
        """Read to the end of the connection: [code, reason] of the close frames received and sent, or null."""
        there = self._connections[connection]
        try:
            async with asyncio.timeout(timeout or None):
                while True:
                    await there.recv()
        except ConnectionClosed as end:
            return {"received": _plain(end.rcvd), "sent": _plain(end.sent)}


def _plain(close: Close | None) -> list[Any] | None:
    return None if close is None else [int(close.code), close.reason]


async def main() -> None:
    there = Connections()
    await serve(
        {
            **{action.__name__: action for action in (there.open, there.close, there.ended, there.ping)},
            **{action.__name__: action for action in (there.send, there.send_parts, there.send_bytes, there.receive)},
        }
    )


if __name__ == "__main__":
    asyncio.run(main())
