from unittest.mock import patch

from bodhisattva.servers.core.connections.limits import ConnectionCounts

CLAUSE = "SECURITY-021"
WRONG = "counts connections only once they have authenticated"
SAYS = "in vain for the connection's end"


def add_without_limit(counts: ConnectionCounts, address: str) -> bool:
    counts.total += 1
    counts._addresses[address] += 1
    return True


def mutate() -> None:
    patch.object(ConnectionCounts, "add", add_without_limit).start()
