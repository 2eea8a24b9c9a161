from unittest.mock import patch

from bodhisattva.servers.core.transport.outbox import Outbox

CLAUSE = "DEGRADATION-005"
WRONG = "does not mind how long a client takes nothing"
SAYS = "in vain for: the slot of a client that takes nothing"


def ageless(_outbox: Outbox, _now: float) -> float:
    return 0.0


def mutate() -> None:
    patch.object(Outbox, "age", ageless).start()
