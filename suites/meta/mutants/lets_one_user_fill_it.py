from unittest.mock import patch

from bodhisattva.servers.core.connections.limits import ConnectionCounts

CLAUSE = "PROTOCOL-064"
WRONG = "lets one user have any number of connections"
SAYS = "in vain for the connection's end"


def admit(*_: object) -> bool:
    return True


def mutate() -> None:
    patch.object(ConnectionCounts, "add_user", admit).start()
