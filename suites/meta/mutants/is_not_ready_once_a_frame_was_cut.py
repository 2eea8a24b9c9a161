from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.server import Server

CLAUSE = "DEGRADATION-003"
WRONG = "says that it is not ready once a connection has failed in the midst of a frame"
SAYS = "assert 503 == 200"

lost = Connection.lost
not_ready = Server.not_ready
cut: list[str] = []


def lost_in_a_frame(connection: Connection) -> None:
    if connection._websocket._guard._skip:
        cut.append(connection.connection_id)
    lost(connection)


def not_ready_once_cut(server: Server) -> str | None:
    return "a connection failed" if cut else not_ready(server)


def mutate() -> None:
    patch.object(Connection, "lost", lost_in_a_frame).start()
    patch.object(Server, "not_ready", not_ready_once_cut).start()
