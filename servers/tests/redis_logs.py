"""Replicas' views of one log in a Redis, and what they store and read there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import msgspec

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.log.base import Entry, LogError, Snapshot, StoredAnswer, StoredEvent
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.tests.redis_server import RedisServer


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


async def proposed(log: RedisLog, first: int, last: int) -> None:
    await log.propose(*(Entry((event(seq),)) for seq in range(first, last + 1)))


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
