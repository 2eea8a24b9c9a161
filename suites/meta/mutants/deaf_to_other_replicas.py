import asyncio
from unittest.mock import patch

from bodhisattva.servers.core.replicas.replica import Replica

CLAUSE = "REPLICAS-001"
WRONG = "does not listen for what other replicas append, and tells it only when somebody asks here"
SAYS = "in vain for event"


async def listen(_: Replica) -> None:
    await asyncio.Event().wait()


def mutate() -> None:
    patch.object(Replica, "_listen", listen).start()
