from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import WebSocket

CLAUSE = "SECURITY-014"
WRONG = "takes a ping that is longer than a control frame may be, and answers its beginning"
SAYS = "126 bytes, fin True"

LONG_PING = bytes([0x89, 0x80 | 126])
LONGEST = 125
KEY_BYTES = 4

feed = WebSocket.feed


def feed_beginning(websocket: WebSocket, data: bytes) -> None:
    in_a_frame = websocket._guard._skip or websocket._guard._header
    if in_a_frame or not data.startswith(LONG_PING):
        return feed(websocket, data)
    length = int.from_bytes(data[2:4])
    rest = data[4 + KEY_BYTES + length :]
    feed(websocket, bytes([0x89, 0x80 | LONGEST]) + data[4 : 4 + KEY_BYTES + LONGEST])
    return feed(websocket, rest) if rest else None


def mutate() -> None:
    patch.object(WebSocket, "feed", feed_beginning).start()
