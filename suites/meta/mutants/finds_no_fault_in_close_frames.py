from unittest.mock import patch

from bodhisattva.servers.core.transport.frames import PROTOCOL_ERROR
from bodhisattva.servers.core.transport.websocket import WebSocket

CLAUSE = "SECURITY-019"
WRONG = "answers 1000 to a close frame that nobody may send"
SAYS = "close frame b'\\x03'"

say_last = WebSocket._say_last


def say_last_well(websocket: WebSocket, code: int) -> None:
    faulty = websocket._guard.closed and code == PROTOCOL_ERROR
    say_last(websocket, 1000 if faulty else code)


def mutate() -> None:
    patch.object(WebSocket, "_say_last", say_last_well).start()
