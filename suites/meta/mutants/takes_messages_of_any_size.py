from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.websocket import WebSocket

CLAUSE = "PROTOCOL-026"
WRONG = "takes messages of any size"
SAYS = "in vain for the connection's end"

made = WebSocket.__init__


def make_boundless(websocket: WebSocket, **settings: Any) -> None:
    made(websocket, **{**settings, "max_msg_size": 0})


def mutate() -> None:
    patch.object(WebSocket, "__init__", make_boundless).start()
