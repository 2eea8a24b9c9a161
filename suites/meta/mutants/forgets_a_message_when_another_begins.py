from collections.abc import Callable, Iterator
from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import WebSocket

CLAUSE = "SECURITY-015"
WRONG = "drops an unfinished message when a new one begins within it"
SAYS = "1006 == 1002"

TEXT = 0x1
LONGEST = 125
KEY_BYTES = 4

feed = WebSocket.feed


def forget_at(opcode: int) -> None:
    """Have every WebSocket drop what it has of a message when a frame with this opcode comes."""
    patch.object(WebSocket, "feed", _forgetting(opcode)).start()


def _forgetting(opcode: int) -> Callable[[WebSocket, bytes], None]:
    def feed_afresh(websocket: WebSocket, data: bytes) -> None:
        if websocket._guard._skip or websocket._guard._header:
            return feed(websocket, data)
        for frame in _short_frames(data):
            if frame[0] & 0x0F == opcode:
                websocket._guard._unfinished = False
                websocket._reader = websocket._intake.reader(deflates=websocket.deflates)
            feed(websocket, frame)
        return None

    return feed_afresh


def _short_frames(data: bytes) -> Iterator[bytes]:
    """Each by itself, and from the first long or unfinished one on all the rest."""
    while len(data) > 1 and data[1] & 0x7F <= LONGEST:
        end = 2 + KEY_BYTES + (data[1] & 0x7F)
        yield data[:end]
        data = data[end:]
    if data:
        yield data


def mutate() -> None:
    forget_at(TEXT)
