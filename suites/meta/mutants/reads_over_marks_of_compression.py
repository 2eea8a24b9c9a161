from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import WebSocket

CLAUSE = "PROTOCOL-152"
WRONG = "answers a control frame that is marked as compressed as if it were not"
SAYS = "PING marked as compressed"

COMPRESSED = 0x40
CONTROL = 0x08

feed = WebSocket.feed


def feed_unmarked(websocket: WebSocket, data: bytes) -> None:
    in_a_frame = websocket._guard._skip or websocket._guard._header
    is_control = not in_a_frame and data and data[0] & CONTROL
    feed(websocket, bytes([data[0] & ~COMPRESSED]) + data[1:] if is_control else data)


def mutate() -> None:
    patch.object(WebSocket, "feed", feed_unmarked).start()
