from unittest.mock import patch

from bodhisattva.servers.client import State
from bodhisattva.servers.core.server import Server

CLAUSE = "DEGRADATION-012"
BESIDES = ("mahavishnu",)
WRONG = "says that it is not ready while a service that it listens to is away"
SAYS = "assert 503 == 200"

not_ready = Server.not_ready


def not_ready_alone(server: Server) -> str | None:
    away = any(client.state is State.RECONNECTING for client in server._host._clients.values())
    return "a source is away" if away else not_ready(server)


def mutate() -> None:
    patch.object(Server, "not_ready", not_ready_alone).start()
