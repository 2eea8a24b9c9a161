"""The peer: a bare aiohttp server that answers and broadcasts, and does nothing else.

A text is answered with itself. After the text `join` a connection is a receiver; a text that begins with `+` goes to
every receiver, one awaited `send_str` after the other, before it is answered. No envelope, no log, no limits.
"""

import sys

from aiohttp import WSMsgType, web

PORT = 1
_receivers: set[web.WebSocketResponse] = set()


async def talk(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            break
        text: str = message.data
        if text == "join":
            _receivers.add(socket)
        elif text.startswith("+"):
            for receiver in _receivers:
                await receiver.send_str(text)
        await socket.send_str(text)
    _receivers.discard(socket)
    return socket


if __name__ == "__main__":
    app = web.Application()
    app.router.add_get("/ws", talk)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[PORT]), print=None)
