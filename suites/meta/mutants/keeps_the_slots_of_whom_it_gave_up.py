from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.connections.session import Close
from bodhisattva.servers.core.server import Server
from bodhisattva.servers.core.transport.frames import ABNORMAL

CLAUSE = "DEGRADATION-008"
WRONG = "keeps the slot of a connection that it has given up"
SAYS = "in vain for: a slot after a half-open connection"

free = Server._free
shut = Connection._shut
given_up: set[str] = set()


def shut_and_keep(connection: Connection, close: Close) -> None:
    if close.code == ABNORMAL:
        given_up.add(connection.connection_id)
    shut(connection, close)


def free_others(server: Server, connection: Connection) -> None:
    if connection.connection_id not in given_up:
        free(server, connection)


def mutate() -> None:
    patch.object(Connection, "_shut", shut_and_keep).start()
    patch.object(Server, "_free", free_others).start()
