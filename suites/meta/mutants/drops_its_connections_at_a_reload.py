from unittest.mock import patch

from bodhisattva.servers.core.server import GOING_AWAY, Server

CLAUSE = "LIFECYCLE-016"
WRONG = "closes its connections when it reads its configuration again"
SAYS = "the connection ended"

reload = Server.reload


def reload_and_close(server: Server) -> None:
    reload(server)
    for connection in list(server._connections):
        connection.begin_close(GOING_AWAY, "Come again")


def mutate() -> None:
    patch.object(Server, "reload", reload_and_close).start()
