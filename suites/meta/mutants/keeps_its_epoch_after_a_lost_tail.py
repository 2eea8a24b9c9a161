from unittest.mock import patch

from bodhisattva.servers.core.log.redis import RedisLog

CLAUSE = "REPLICAS-014"
WRONG = "goes on with the epoch that it had although the log lost what was told"
SAYS = "its epoch is what it was"


async def renew(log: RedisLog) -> None:
    await log._identify("")


def mutate() -> None:
    patch.object(RedisLog, "renew", renew).start()
