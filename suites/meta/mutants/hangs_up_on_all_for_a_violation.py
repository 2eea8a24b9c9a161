from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.transport.frames import PROTOCOL_ERROR

CLAUSE = "SECURITY-017"
WRONG = "hangs up on everybody when one connection breaks the rules"
SAYS = "the connection ended"

broke = Connection.broke


def end_all(connection: Connection, code: int) -> None:
    if code == PROTOCOL_ERROR:
        for other in list(connection._hub._connections.values()):
            if isinstance(other, Connection) and other is not connection:
                other._websocket.transport.abort()
    broke(connection, code)


def mutate() -> None:
    patch.object(Connection, "broke", end_all).start()
