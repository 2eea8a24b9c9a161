from collections.abc import Iterator
from unittest.mock import patch

from bodhisattva.servers.core.websocket import WebSocket

CLAUSE = "SECURITY-018"
WRONG = "drops what it has of a message when a ping comes between its fragments"
SAYS = "0 bytes read"

PING = 0x9
LONGEST = 125
KEY_BYTES = 4

feed = WebSocket.feed


def short_frames(data: bytes) -> Iterator[bytes]:
    """Each by itself, and from the first long or unfinished one on all the rest."""
    while len(data) > 1 and data[1] & 0x7F <= LONGEST:
        end = 2 + KEY_BYTES + (data[1] & 0x7F)
        yield data[:end]
        data = data[end:]
    if data:
        yield data


def feed_afresh(websocket: WebSocket, data: bytes) -> None:
    if websocket._guard._skip or websocket._guard._header:
        return feed(websocket, data)
    for frame in short_frames(data):
        if frame[0] & 0x0F == PING:
            websocket._reader = websocket._intake.reader(deflates=websocket.deflates)
        feed(websocket, frame)
    return None


def mutate() -> None:
    patch.object(WebSocket, "feed", feed_afresh).start()
