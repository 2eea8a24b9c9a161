"""The one replica at a time that looks after the retention of a shared log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bodhisattva.servers.core.log.base import LogError, SharedLog
from bodhisattva.servers.core.replicas.neighbours import Neighbours
from bodhisattva.servers.core.supervisor import cancelled

_LEASE = 10.0  # seconds; a replica that dies with it is not waited for longer


@asynccontextmanager
async def keeping(log: SharedLog, neighbours: Neighbours, told: int) -> AsyncIterator[int | None]:
    """See `Engine.keeping`; told: the number up to which this replica's subscribers were told."""
    if not await log.lease(_LEASE):
        yield None
        return
    renewal = asyncio.get_running_loop().create_task(_renew(log))
    try:
        yield await neighbours.told(told)
    finally:
        await cancelled(renewal)
        with suppress(LogError):
            await log.lease(0)


async def _renew(log: SharedLog) -> None:
    while True:
        await asyncio.sleep(_LEASE / 3)
        with suppress(LogError):
            await log.lease(_LEASE)
