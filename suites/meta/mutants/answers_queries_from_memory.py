import asyncio
from collections.abc import Callable
from unittest.mock import patch

from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.replicas.replica import Replica

CLAUSE = "REPLICAS-003"
WRONG = "answers queries from what it has heard so far, without a look at the log"
SAYS = "was refused"

arrival = RedisLog.arrival


def tell_at_once(replica: Replica, tell: Callable[[bool], None], seq: int | None = None) -> None:
    tell(True)


async def late(log: RedisLog) -> int | None:
    """On one machine the news are there before the next query; elsewhere they are not."""
    seen = await arrival(log)
    await asyncio.sleep(0.5)
    return seen


def mutate() -> None:
    patch.object(Replica, "_ask", tell_at_once).start()
    patch.object(RedisLog, "arrival", late).start()
