"""Replicas' views of one log in a Redis, and what they store and read there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import msgspec

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.log.base import Entry, LogError, Position, Snapshot, StoredAnswer, StoredEvent
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.tests.redis_server import RedisServer


class SoleRedisLog(RedisLog):
    """A log in a Redis that nobody else writes, with the `append` of a local log, so that one test serves all logs."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._writing = asyncio.Lock()
        self._stopped = False
        self._bases: dict[str, Position] = {}

    def append(self, entry: Entry) -> "asyncio.Future[None]":  # type: ignore[override]
        return asyncio.ensure_future(self._append_in_order(entry))

    async def _append_in_order(self, entry: Entry) -> None:
        async with self._writing:
            if self._stopped:
                raise LogError("an earlier append failed")
            self._stopped = True
            source = entry.position.source if entry.position is not None else ""
            await super().append(msgspec.structs.replace(entry, basis=self._bases.get(source)))
            if entry.position is not None:
                self._bases[source] = entry.position
            self._stopped = False

    async def recover(self) -> None:
        await super().recover()
        self._stopped = False


def settings(server: RedisServer, **others: Any) -> LogConfig:
    return LogConfig("redis", url=server.url, prefix=f"test-{uuid4()}", **others)


@asynccontextmanager
async def logs(config: LogConfig, number: int = 2, window: float = 1e9) -> AsyncIterator[list[RedisLog]]:
    """So many replicas' views of one log, each having read all of it."""
    async with AsyncExitStack() as stack:
        found = [RedisLog(config, "ledger", window) for _ in range(number)]
        for log in found:
            await log.open()
            stack.push_async_callback(log.close)
            assert [seqs async for seqs in log.replay()] == []
        yield found


def event(seq: int, name: str = "posted", channel: str = "account:a") -> StoredEvent:
    return StoredEvent(seq, f"{name}-{seq}", name, "t", ((channel, seq),), msgspec.Raw(b'{"n":%d}' % seq))


def answer(request: str, at: float = 1.0, outcome: bytes = b"{}") -> StoredAnswer:
    return StoredAnswer("ada", request, at, outcome)


def snapshot(seq: int) -> Snapshot:
    return Snapshot(seq, {"global": seq, "account:a": seq}, b"state of %d" % seq)


async def appended(log: RedisLog, first: int, last: int) -> None:
    await log.append(*(Entry((event(seq),)) for seq in range(first, last + 1)))


async def newer(log: RedisLog) -> list[str]:
    return [stored.id async for chunk in log.newer() for stored in chunk]


async def held(log: RedisLog) -> list[str]:
    return [stored.id for _, stored in await log.read("global", 0, 1000)]


async def eventually_recovered(log: RedisLog) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                return await log.recover()
            except LogError:
                await asyncio.sleep(0.01)
