from unittest.mock import patch

from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.core.replicas.neighbours import Neighbours

CLAUSE = "REPLICAS-008"
WRONG = "tells ephemeral events to its own subscribers only"
SAYS = "in vain for event cursor.moved"


def say(neighbours: Neighbours, event: Event) -> None:
    return None


def mutate() -> None:
    patch.object(Neighbours, "say", say).start()
