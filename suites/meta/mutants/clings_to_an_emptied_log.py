from collections.abc import AsyncIterator, Sequence
from unittest.mock import patch

from bodhisattva.servers.core.log.base import LogLost, StoredEvent
from bodhisattva.servers.core.log.redis import RedisLog

CLAUSE = "REPLICAS-015"
WRONG = "does not notice that its log was emptied as long as nobody writes"
SAYS = "the connection's end"

newer = RedisLog.newer


async def newer_or_nothing(log: RedisLog) -> AsyncIterator[Sequence[StoredEvent]]:
    try:
        async for chunk in newer(log):
            yield chunk
    except LogLost:
        return


def mutate() -> None:
    patch.object(RedisLog, "newer", newer_or_nothing).start()
