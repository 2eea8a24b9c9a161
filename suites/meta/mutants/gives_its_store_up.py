import asyncio
from unittest.mock import patch

from bodhisattva.servers.core.replicas.replica import Replica

CLAUSE = "REPLICAS-013"
WRONG = "does not go on when its store is back, until it is started again"
SAYS = "in vain for: /ready to answer 200"


async def give_up(replica: Replica, error: Exception) -> None:
    replica._turn_away(error)
    await asyncio.Event().wait()


def mutate() -> None:
    patch.object(Replica, "_follow_again", give_up).start()
