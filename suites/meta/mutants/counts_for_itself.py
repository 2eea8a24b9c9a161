from unittest.mock import patch

from bodhisattva.servers.core.connections.shared_counts import SharedCounts, Subject

CLAUSE = "REPLICAS-041"
WRONG = "counts a user's connections for itself, whatever other replicas hold"
SAYS = "one connection more than the cap"


def tell_nobody(_: SharedCounts, __: Subject) -> bool:
    return True


def mutate() -> None:
    patch.object(SharedCounts, "_note", tell_nobody).start()
