from unittest.mock import patch

from bodhisattva.servers.core.auth.revocations_redis import RedisRevocations

CLAUSE = "REPLICAS-040"
WRONG = "does not look at what was revoked at other replicas"
SAYS = "AUTH_FAILED"


async def look_away(_: RedisRevocations) -> None:
    """What is known is enough."""


def mutate() -> None:
    patch.object(RedisRevocations, "_learn", look_away).start()
