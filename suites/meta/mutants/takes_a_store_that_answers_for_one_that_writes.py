from unittest.mock import patch

from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.log.redis_connection import failures

CLAUSE = "REPLICAS-017"
WRONG = "takes a store that answers for one that can be written"
SAYS = "it says of its store: ['server.unavailable', 'server.available'"


async def greet(log: RedisLog) -> None:
    with failures():
        await log._store.ping()


def mutate() -> None:
    patch.object(RedisLog, "recover", greet).start()
