import random
from unittest.mock import patch

CLAUSE = "LIFECYCLE-006"
WRONG = "tells all its clients to come back at the same moment"
SAYS = "everybody is told to come back at the same time"


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def mutate() -> None:
    patch.object(random, "uniform", middle).start()
