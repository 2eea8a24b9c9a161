from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "PROTOCOL-074"
WRONG = "goes on counting connections whose line was cut"
SAYS = "in vain for: the count of two connections"

lost = Connection.lost


def lose_and_count(connection: Connection) -> None:
    if not connection._websocket._guard.closed:
        connection._metrics.connections.inc()
    lost(connection)


def mutate() -> None:
    patch.object(Connection, "lost", lose_and_count).start()
