"""A handler of aiohttp's own: `send_str` to each subscriber. VARIANT: `json` or `msgspec` reads and writes texts."""

import json
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from bodhisattva.chaos.bench.baselines.envelope import HOST, event, port, response

Encode = Callable[[Any], str]
Decode = Callable[[str], Any]
CODECS: dict[str, tuple[Encode, Decode]] = {
    "json": (json.dumps, json.loads),
    "msgspec": (lambda value: msgspec.json.encode(value).decode(), msgspec.json.decode),
}
_encode, _decode = CODECS[sys.argv[3]]
_subscribers: set[web.WebSocketResponse] = set()
_numbers = count(1)


async def handle(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for received in socket:
        if received.type is not WSMsgType.TEXT:
            break
        message = _decode(received.data)
        if message["event"] == "subscribe":
            _subscribers.add(socket)
        elif message["event"] == "emit":
            await emit(message["data"]["count"])
        await socket.send_str(_encode(response(message)))
    _subscribers.discard(socket)
    return socket


async def emit(events: int) -> None:
    for _ in range(events):
        text = event(next(_numbers))
        for subscriber in _subscribers:
            await subscriber.send_str(text)


if __name__ == "__main__":
    app = web.Application()
    app.router.add_get("/ws", handle)
    web.run_app(app, host=HOST, port=port(), print=None, backlog=1024)
