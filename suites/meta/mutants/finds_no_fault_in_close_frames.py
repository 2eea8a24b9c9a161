from unittest.mock import patch

from bodhisattva.servers.core.transport.frames import PROTOCOL_ERROR
from bodhisattva.servers.core.transport.websocket import WebSocket

CLAUSE = "SECURITY-019"
WRONG = "answers 1000 to a close frame that nobody may send"
SAYS = "close frame b'\\x03'"

break_off = WebSocket._break


def break_off_well(websocket: WebSocket, code: int) -> None:
    faulty = websocket._guard.closed and code == PROTOCOL_ERROR
    break_off(websocket, 1000 if faulty else code)


def mutate() -> None:
    patch.object(WebSocket, "_break", break_off_well).start()
