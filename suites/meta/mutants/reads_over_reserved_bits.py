from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import WebSocket

CLAUSE = "SECURITY-011"
WRONG = "reads a frame as if the bits that nobody has given a meaning yet were not set"
SAYS = "reserved bits 1"

MEANINGLESS = 0x30

feed = WebSocket.feed


def feed_without_them(websocket: WebSocket, data: bytes) -> None:
    in_a_frame = websocket._guard._skip or websocket._guard._header
    feed(websocket, data if in_a_frame or not data else bytes([data[0] & ~MEANINGLESS]) + data[1:])


def mutate() -> None:
    patch.object(WebSocket, "feed", feed_without_them).start()
