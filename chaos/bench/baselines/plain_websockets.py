"""The library websockets: `broadcast` to the subscribers, texts read and written by msgspec."""

import asyncio
from itertools import count

import msgspec
from websockets.asyncio.server import ServerConnection, broadcast, serve  # pyright: ignore[reportMissingImports]

from bodhisattva.chaos.bench.baselines.envelope import HOST, event, port, response

_subscribers: set[ServerConnection] = set()
_numbers = count(1)


async def handle(socket: ServerConnection) -> None:
    async for received in socket:
        message = msgspec.json.decode(received)
        if message["event"] == "subscribe":
            _subscribers.add(socket)
        elif message["event"] == "emit":
            for _ in range(message["data"]["count"]):
                broadcast(_subscribers, event(next(_numbers)))
        await socket.send(msgspec.json.encode(response(message)), text=True)
    _subscribers.discard(socket)


async def main() -> None:
    async with serve(handle, HOST, port(), compression=None, backlog=1024) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
