from unittest.mock import patch

from bodhisattva.servers.core.config import Limits
from bodhisattva.servers.core.connections.limits import RateGuard

CLAUSE = "DEGRADATION-007"
WRONG = "drops everybody's messages while one client is over its rate"
SAYS = "was refused"

take = RateGuard.take
over_until = [0.0]


def take_or_wait(guard: RateGuard, now: float, limits: Limits) -> float:
    waited = take(guard, now, limits)
    if waited:
        over_until[0] = now + waited
    return waited or max(0.0, over_until[0] - now)


def mutate() -> None:
    patch.object(RateGuard, "take", take_or_wait).start()
