from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "REPLICAS-012"
WRONG = "does not tell its clients that its store is gone, so that they take silence for quiet"
SAYS = "in vain for event server.unavailable"


def reachable(_: Server, there: bool) -> None:
    return None


def mutate() -> None:
    patch.object(Server, "_store_reachable", reachable).start()
