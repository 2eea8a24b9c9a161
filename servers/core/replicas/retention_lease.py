"""The lease of retention: one replica at a time trims a shared log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bodhisattva.servers.core.log.base import LogError, SharedLog
from bodhisattva.servers.core.replicas.replica_bus import ReplicaBus
from bodhisattva.servers.core.supervisor import cancelled

_LEASE = 10.0  # seconds, after which the lease of a replica that died ends


@asynccontextmanager
async def retention_lease(log: SharedLog, bus: ReplicaBus, delivered: int) -> AsyncIterator[int | None]:
    """See `Appender.retention_lease`; delivered: the number of the last event that this replica has delivered."""
    if not await log.lease(_LEASE):
        yield None
        return
    renewal = asyncio.get_running_loop().create_task(_renew(log))
    try:
        yield await bus.delivered(delivered)
    finally:
        await cancelled(renewal)
        with suppress(LogError):
            await log.lease(0)


async def _renew(log: SharedLog) -> None:
    while True:
        await asyncio.sleep(_LEASE / 3)
        with suppress(LogError):
            await log.lease(_LEASE)
