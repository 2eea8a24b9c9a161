from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.server import Server

CLAUSE = "SECURITY-020"
WRONG = "keeps the slot of a connection whose line was cut"
SAYS = "in vain for: a slot after a reset"

free = Server._free


def free_who_said_so(server: Server, connection: Connection) -> None:
    if connection.closing or connection._websocket._guard.closed:
        free(server, connection)


def mutate() -> None:
    patch.object(Server, "_free", free_who_said_so).start()
