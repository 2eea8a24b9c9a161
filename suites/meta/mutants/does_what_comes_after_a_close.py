from unittest.mock import patch

from aiohttp import WSMessage, WSMsgType

from bodhisattva.servers.core.transport.websocket import WebSocket

CLAUSE = "LIFECYCLE-021"
WRONG = "does what a client sends after its close"
SAYS = "was not refused"

receive = WebSocket._receive


def receive_all(websocket: WebSocket, messages: list[WSMessage], violation: BaseException | None) -> None:
    closes = [each for each in messages if each.type is WSMsgType.CLOSE]
    others = [each for each in messages if each.type is not WSMsgType.CLOSE]
    receive(websocket, [*others, *closes], violation)


def mutate() -> None:
    patch.object(WebSocket, "_receive", receive_all).start()
