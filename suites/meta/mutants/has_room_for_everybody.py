from unittest.mock import patch

from bodhisattva.servers.core.connections.limits import ConnectionCounts

CLAUSE = "PROTOCOL-063"
WRONG = "has no capacity of its own, and counts by address only"
SAYS = "over connections"

add = ConnectionCounts.add


def add_uncounted(counts: ConnectionCounts, address: str) -> bool:
    total, counts.total = counts.total, 0
    added = add(counts, address)
    counts.total += total
    return added


def mutate() -> None:
    patch.object(ConnectionCounts, "add", add_uncounted).start()
