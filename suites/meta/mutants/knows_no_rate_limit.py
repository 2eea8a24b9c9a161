from unittest.mock import patch

from bodhisattva.servers.core.connections.limits import RateGuard

CLAUSE = "PROTOCOL-060"
WRONG = "takes messages at any rate"
SAYS = "of 15 messages were taken"


def always_room(*_: object) -> float:
    return 0.0


def mutate() -> None:
    patch.object(RateGuard, "take", always_room).start()
