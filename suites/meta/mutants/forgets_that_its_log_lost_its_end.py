from unittest.mock import patch

from bodhisattva.servers.core.log.base import LogError, LogLost
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.replicas.replica import Replica

CLAUSE = "REPLICAS-016"
WRONG = "forgets that its log lost what was told if nothing can be written when it notices"
SAYS = "its epoch is what it was"

follow_again = Replica._follow_again


async def forget(replica: Replica, error: Exception) -> None:
    if isinstance(error, LogLost):
        try:
            await replica.log.recover()
        except LogError as refused:
            error, replica._ahead = refused, True
    await follow_again(replica, error)


async def unchecked(_log: RedisLog) -> None:
    return


def mutate() -> None:
    patch.object(RedisLog, "check_held", unchecked).start()
    patch.object(Replica, "_follow_again", forget).start()
