"""What the log may keep (protocol 5): the oldest events go when there are too many, too much, or too old ones.

A snapshot of the state is stored first, durably, and then the events that it stands for are removed, some at a time
so that commands need not wait. It is taken at the newest event, so one serves until as much is written again as is
kept. It is made from the log beside the running state, whose undurable part it must not contain.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.config import Retention
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.engine.replay import replay
from bodhisattva.servers.core.engine.snapshot import pack
from bodhisattva.servers.core.log.base import Log, LogError, Snapshot
from bodhisattva.servers.core.service import Service

_STEP = 1000
_CHUNK = 1000


async def keep_within(engine: Engine, limits: Callable[[], Retention]) -> None:
    """Look at each interval whether something has to go, until cancelled."""
    logger = structlog.get_logger(service=engine.service.name)
    while True:
        await asyncio.sleep(limits().interval)
        if not engine.available:
            continue
        try:
            if removed := await trim(engine, limits()):
                logger.info("log trimmed", events=removed, first=engine.log_start(GLOBAL) + 1)
        except LogError as error:
            logger.warning("log not trimmed", error=str(error))


async def trim(engine: Engine, limits: Retention) -> int:
    """Remove what is beyond the limits, unless another replica does; how many events. LogError if the store fails."""
    async with engine.retention_lease() as newest:
        if newest is None:
            return 0
        return await shorten(engine.service, engine.log, limits, engine.log_start(GLOBAL), newest, engine.note_trimmed)


async def shorten(
    service: Service,
    log: Log,
    limits: Retention,
    log_start: int,
    newest: int,
    note_trimmed: Callable[[Mapping[str, int]], None],
) -> int:
    """`trim` for a log whose events are those after `log_start` up to `newest`.

    note_trimmed: called with the log starts that rise.
    """
    upto = await due(log, limits, log_start, newest)
    if upto > log_start:
        await cover(service, log, upto, newest)
    for step in range(log_start + _STEP, upto + _STEP, _STEP):
        note_trimmed(await log.trim(min(step, upto)))
    return upto - log_start


async def due(log: Log, limits: Retention, log_start: int, newest: int) -> int:
    """The number of the last event that has to go, at least `log_start`, at most `newest`."""
    if limits.events is None and limits.bytes is None and limits.age is None:
        return log_start
    upto, size, oldest = log_start, log.size, time.time() - limits.age if limits.age is not None else None
    while upto < newest and (chunk := await log.read(GLOBAL, upto, _CHUNK)):
        for seq, event in chunk:
            too_many = limits.events is not None and newest - seq >= limits.events
            too_much = limits.bytes is not None and size > limits.bytes
            too_old = oldest is not None and datetime.fromisoformat(event.at).timestamp() < oldest
            if seq > newest or not (too_many or too_much or too_old):
                return upto
            upto, size = seq, size - len(bytes(event.data))
    return upto


async def cover(service: Service, log: Log, upto: int, newest: int) -> None:
    """See to a snapshot that stands for the events up to `upto`; a new one is taken at `newest`."""
    kept = await log.snapshot()
    if kept is not None and kept.seq >= upto:
        return
    epoch = log.epoch
    replayed = await replay(service, log, upto=newest)
    packed = await asyncio.to_thread(pack, replayed.state)
    if log.epoch != epoch:
        raise LogError("the log has become another while a snapshot was made of it")
    await log.save(Snapshot(newest, replayed.offsets, packed))
