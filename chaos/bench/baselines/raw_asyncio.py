"""No library: one frame is encoded for an event, and written to each transport."""

import asyncio
import base64
import hashlib
import json
import struct
from typing import cast

from bodhisattva.chaos.bench.baselines.envelope import HOST, event, port, response

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MEDIUM = 126
_subscribers: set[asyncio.Transport] = set()
_made = 0


class Connection(asyncio.Protocol):
    transport: asyncio.Transport
    upgraded = False
    buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        _subscribers.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.upgraded:
            self.upgrade()
        while self.upgraded and (payload := self.next_message()) is not None:
            self.handle(json.loads(payload))

    def upgrade(self) -> None:
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.transport.write(answer + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        self.buffer, self.upgraded = rest, True

    def next_message(self) -> bytes | None:
        """The payload of the next frame; None until it is whole. Requests here are shorter than 64 KiB."""
        buffer = self.buffer
        if len(buffer) < 8:
            return None
        size, at = buffer[1] & 0x7F, 2
        if size == _MEDIUM:
            size, at = int.from_bytes(buffer[2:4], "big"), 4
        end = at + 4 + size
        if len(buffer) < end:
            return None
        self.buffer = buffer[end:]
        return unmasked(buffer[at + 4 : end], buffer[at : at + 4])

    def handle(self, message: dict[str, object]) -> None:
        if message["event"] == "subscribe":
            _subscribers.add(self.transport)
        elif message["event"] == "emit":
            emit(cast("dict[str, int]", message["data"])["count"])
        self.transport.write(text_frame(json.dumps(response(message)).encode()))


def unmasked(payload: bytes, key: bytes) -> bytes:
    size = len(payload)
    keys = (key * (size // len(key) + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")


def text_frame(payload: bytes) -> bytes:
    """Unmasked (RFC 6455, 5.2). Messages here are shorter than 64 KiB."""
    if len(payload) < _MEDIUM:
        return bytes((0x81, len(payload))) + payload
    return struct.pack("!BBH", 0x81, _MEDIUM, len(payload)) + payload


def emit(count: int) -> None:
    global _made
    for _ in range(count):
        _made += 1
        frame = text_frame(event(_made).encode())
        for subscriber in _subscribers:
            subscriber.write(frame)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, HOST, port(), backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
