from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import WebSocket

CLAUSE = "DEGRADATION-009"
WRONG = "does the command in a fragment before the rest of its message has come"
SAYS = "was not refused"

FIN, TEXT = 0x80, 0x01
feed = WebSocket.feed


def feed_as_whole(websocket: WebSocket, data: bytes) -> None:
    feed(websocket, bytes([FIN | TEXT]) + data[1:] if data[:1] == bytes([TEXT]) else data)


def mutate() -> None:
    patch.object(WebSocket, "feed", feed_as_whole).start()
