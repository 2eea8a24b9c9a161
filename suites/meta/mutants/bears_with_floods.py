from unittest.mock import patch

from bodhisattva.servers.core.config import Limits
from bodhisattva.servers.core.connections.limits import RateGuard

CLAUSE = "PROTOCOL-061"
WRONG = "never closes a client that keeps on over the rate"
SAYS = "in vain for: the close of a client that keeps on"


def never(_guard: RateGuard, _now: float, _limits: Limits) -> bool:
    return False


def mutate() -> None:
    patch.object(RateGuard, "exhausted", never).start()
