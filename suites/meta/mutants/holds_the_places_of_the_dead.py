from unittest.mock import patch

from bodhisattva.servers.core.connections import shared_counts

CLAUSE = "REPLICAS-042"
WRONG = "leaves the places of its users taken when it is killed"
SAYS = "in vain for: the places of a killed replica are free"


def mutate() -> None:
    patch.object(shared_counts, "_LEASE_MS", 3_600_000).start()
