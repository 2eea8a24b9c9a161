"""Replicas of the ledger on one real Redis, and what clients see of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.replicas.shared_appender import SharedAppender
from bodhisattva.servers.core.supervisor import cancelled
from bodhisattva.servers.tests.ledger import LEDGER
from bodhisattva.servers.tests.redis_server import RedisServer
from bodhisattva.servers.tests.running import Client, Running, running

LONG = 10.0


@asynccontextmanager
async def replicas(redis: RedisServer, number: int = 2, **settings: Any) -> AsyncIterator[list[Running]]:
    """So many servers of the ledger, on a log of their own."""
    log = LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}", timeout=0.5, **settings)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(LEDGER, log=log)) for _ in range(number)]


async def amounts(client: Client) -> list[int]:
    found: list[int] = (await client.request("balance", account="a"))["data"]["amounts"]
    return found


async def eventually(one: Running, *, is_ready: bool) -> None:
    async with asyncio.timeout(LONG):
        while ((await one.get("/ready"))[0] == 200) is not is_ready:  # noqa: ASYNC110 - all that a client can do
            await asyncio.sleep(0.02)


async def listener(one: Running) -> Client:
    client = await one.connect()
    await client.request("subscribe", channel="account:a")
    return client


@asynccontextmanager
async def asleep(one: Running) -> AsyncIterator[Engine]:
    """A replica that follows no log and replies to no other replica until the end of the block."""
    appender = shared_appender(one)
    await cancelled(*appender._tasks, *appender._bus._tasks)
    yield one.server.parts.engine
    await appender.start()


def shared_appender(one: Running) -> SharedAppender:
    """Of a replica's engine."""
    appender = one.server.parts.engine._appender
    assert isinstance(appender, SharedAppender)
    return appender


async def sees(client: Client, channel: str, number: int) -> None:
    """Wait until so many are shown on a channel."""
    async with asyncio.timeout(LONG):
        while len((await client.request("presence", channel=channel))["data"].get("members", ())) != number:  # noqa: ASYNC110 - all that a client can do
            await asyncio.sleep(0.05)
