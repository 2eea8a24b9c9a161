from unittest.mock import patch

from bodhisattva.servers.core.connections.limits import ConnectionCounts

CLAUSE = "SECURITY-021"
WRONG = "counts a connection only once it has authenticated"
SAYS = "in vain for the connection's end"


def uncounted(*_: object) -> bool:
    return True


def mutate() -> None:
    patch.object(ConnectionCounts, "add", uncounted).start()
    patch.object(ConnectionCounts, "remove", uncounted).start()
