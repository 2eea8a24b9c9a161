"""Posts to a ledger on a log that keeps ten events, until it is killed; prints what is answered.

The log is a file, or what a Redis has at a URL under a prefix.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bodhisattva.servers.core.config import LogConfig, Retention
from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.delivery.write_batch import WriteBatch
from bodhisattva.servers.core.domain import Context
from bodhisattva.servers.core.engine import retention
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.engine.local_appender import LocalAppender
from bodhisattva.servers.core.log.base import LocalLog
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.log.sqlite import SqliteLog
from bodhisattva.servers.core.replicas.log_listener import LogListener
from bodhisattva.servers.core.replicas.shared_appender import SharedAppender
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.servers.tests.ledger import LEDGER

FIRST = 100
KEPT = 10
LIMITS = Retention(events=KEPT)


@asynccontextmanager
async def started(log: RedisLog | LocalLog, service: Service = LEDGER) -> AsyncIterator[Engine]:
    """An engine of the service on this log, a replica's if others can share it."""
    metrics = Metrics(service.name, service.server)
    hub = Hub(service, metrics, WriteBatch(lambda: 0))
    if isinstance(log, RedisLog):
        listener = LogListener(lambda _: None, lambda _: None)
        engine = Engine(service, log, hub, metrics, 1e9, partial(SharedAppender, log, hub, listener))
    else:
        engine = Engine(service, log, hub, metrics, 1e9, partial(LocalAppender, log))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


def submit(engine: Engine, amount: int) -> "asyncio.Future[Outcome]":
    """Post an amount to the account `a`, under a request id of its own."""
    answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    context = Context(datetime.now(UTC), "ada", "c", str, {})
    data = {"account": "a", "amount": amount}
    engine.command(LEDGER.command_handlers["post"], data, context, f"r{amount}", answered.set_result)
    return answered


async def trim(engine: Engine) -> None:
    while True:
        await retention.trim(engine, LIMITS)
        await asyncio.sleep(0)


def log_at(place: str, prefix: str = "") -> RedisLog | LocalLog:
    """A file, or a Redis with a prefix."""
    if prefix:
        return RedisLog(LogConfig("redis", url=place, prefix=prefix), LEDGER.name, window=1e9)
    return SqliteLog(Path(place), LEDGER.name, window=1e9)


async def main(*place: str) -> None:
    async with started(log_at(*place)) as engine:
        trimming = asyncio.ensure_future(trim(engine))
        amount = FIRST + engine.offset("account:a")
        while not trimming.done():
            for each in [submit(engine, number) for number in range(amount, amount + KEPT)]:
                assert (await each).code is None
                print(amount, flush=True)  # noqa: T201 - the acknowledgement that the test reads
                amount += 1


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
