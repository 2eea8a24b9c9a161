from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import WebSocket

CLAUSE = "SECURITY-014"
WRONG = "answers the first fragment of a ping as if it were the whole"
SAYS = "1 bytes, fin False"

PING = 0x9
FINAL = 0x80

feed = WebSocket.feed


def feed_as_whole(websocket: WebSocket, data: bytes) -> None:
    in_a_frame = websocket._guard._skip or websocket._guard._header
    fragment = not in_a_frame and data and data[0] == PING
    feed(websocket, bytes([FINAL | PING]) + data[1:] if fragment else data)


def mutate() -> None:
    patch.object(WebSocket, "feed", feed_as_whole).start()
