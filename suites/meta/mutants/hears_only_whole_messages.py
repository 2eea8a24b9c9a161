from typing import Any
from unittest.mock import patch

from aiohttp import WSMessage

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.connections.session import Session

CLAUSE = "LIFECYCLE-030"
WRONG = "takes a peer for gone while a long message of it is on its way"
SAYS = "Connection lost"

receive = Connection.receive
heard = Session.heard


def receive_and_hear(connection: Connection, message: WSMessage) -> None:
    heard(connection.session)
    receive(connection, message)


def hear_nothing(*_: Any) -> None:
    """Bytes are no message."""


def mutate() -> None:
    patch.object(Connection, "receive", receive_and_hear).start()
    patch.object(Session, "heard", hear_nothing).start()
