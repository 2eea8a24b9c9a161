import asyncio
from contextlib import suppress
from unittest.mock import patch

from bodhisattva.servers.core.errors import Unavailable
from bodhisattva.servers.core.log.base import LogError
from bodhisattva.servers.core.replicas.replica import Replica

CLAUSE = "REPLICAS-044"
WRONG = "finds out that its store takes no writes only when a command is to be written"
SAYS = "in vain for: /ready to answer 503"


async def only_look(replica: Replica) -> None:
    while True:
        with suppress(LogError, Unavailable):
            await replica._see(await replica._shared.arrival())
            continue
        await asyncio.sleep(0.2)
        with suppress(Unavailable):
            await replica.caught_up()


def mutate() -> None:
    patch.object(Replica, "_listen", only_look).start()
