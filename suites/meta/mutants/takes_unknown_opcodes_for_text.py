from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import WebSocket

CLAUSE = "SECURITY-012"
WRONG = "takes frames of an unknown opcode for text"
SAYS = "opcode 0x3"

UNKNOWN = (*range(0x3, 0x8), *range(0xB, 0x10))
TEXT = 0x81

feed = WebSocket.feed


def feed_as_text(websocket: WebSocket, data: bytes) -> None:
    in_a_frame = websocket._guard._skip or websocket._guard._header
    unknown = not in_a_frame and data and data[0] & 0x0F in UNKNOWN
    feed(websocket, bytes([TEXT]) + data[1:] if unknown else data)


def mutate() -> None:
    patch.object(WebSocket, "feed", feed_as_text).start()
