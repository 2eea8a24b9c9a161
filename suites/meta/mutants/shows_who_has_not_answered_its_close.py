from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "SECURITY-173"
WRONG = "shows a connection that it closes on its channels until its client has answered the close"
SAYS = "who is closed is still on the channel"

leave = Connection._leave


def leave_when_answered(connection: Connection) -> None:
    if not connection.closing or connection._websocket._ended:
        leave(connection)


def mutate() -> None:
    patch.object(Connection, "_leave", leave_when_answered).start()
