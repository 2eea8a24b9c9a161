from unittest.mock import patch

from aiohttp import WSMessage

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.transport.websocket import Intake

CLAUSE = "SECURITY-016"
WRONG = "judges the size of a message when all of it has come"
SAYS = "bytes announced"

receive = Connection.receive
TOO_BIG = 1009


def boundless(_intake: Intake) -> int:
    return 2**31


def receive_and_judge(connection: Connection, message: WSMessage) -> None:
    if len(message.data or "") > connection._policy.limits.message_bytes:
        connection.begin_close(TOO_BIG, "Message too big")
    else:
        receive(connection, message)


def mutate() -> None:
    patch.object(Intake, "message_bytes", boundless).start()
    patch.object(Connection, "receive", receive_and_judge).start()
