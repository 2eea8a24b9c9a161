"""Caps that count across replicas (protocol 2.2), on a real Redis."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.tests.redis_server import RedisServer, redis_server
from bodhisattva.servers.tests.running import SECURED, Client, Running, limits, running, token, until

HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@asynccontextmanager
async def replicas(redis: RedisServer, **caps: int) -> AsyncIterator[tuple[Running, Running]]:
    log = LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}", timeout=0.5)
    settings: dict[str, Any] = SECURED | {"log": log, "limits": limits(**caps)}
    async with running(**settings) as first, running(**settings) as second:
        yield first, second


async def enter(one: Running, user: str) -> Client:
    return await one.connect(token=token(user_id=user))


async def turned_away(one: Running, user: str) -> bool:
    """Whether a connection of the user is closed 1013, at once or a moment after its welcome."""
    client = await one.connect(welcome=False)
    await client.send("auth", token=token(user_id=user))
    return await client.close_code() == 1013


def stored(redis: RedisServer, one: Running, user: str) -> str:
    counts: Any = one.server.parts.counts
    return redis.answer("HGET", counts._holdings + counts._me, f"user:{user}").split("\r\n")[1:2][0]


async def test_s2_a_users_connections_count_at_all_replicas(redis: RedisServer) -> None:
    async with replicas(redis, connections_per_user=2) as (first, second):
        kept = [await enter(first, "ada"), await enter(second, "ada")]
        assert await turned_away(second, "ada")
        assert await turned_away(first, "ada")
        await enter(second, "bob")
        for client in kept:
            assert (await client.request("ping"))["type"] == "pong"


async def test_s2_a_place_that_is_left_is_free_everywhere(redis: RedisServer) -> None:
    async with replicas(redis, connections_per_user=1) as (first, second):
        client = await enter(first, "ada")
        await until(lambda: stored(redis, first, "ada") == "1", "the place is not counted")
        await client.socket.close()
        await until(lambda: stored(redis, first, "ada") != "1", "the place is still counted")
        again = await enter(second, "ada")
        await until(lambda: stored(redis, second, "ada") == "1", "the place is not counted")
        assert (await again.request("ping"))["type"] == "pong"


async def test_s2_an_addresss_connections_count_at_all_replicas(redis: RedisServer) -> None:
    async with replicas(redis, connections_per_address=2) as (first, second):
        await enter(first, "ada")
        await enter(second, "bob")
        assert await turned_away(second, "cleo")


async def test_s2_caps_as_wide_as_a_replica_are_its_own(redis: RedisServer) -> None:
    async with replicas(redis, connections=2, connections_per_user=2, connections_per_address=2) as (first, second):
        for one in (first, second):
            for _ in range(2):
                await enter(one, "ada")


async def test_s2_a_dead_replica_holds_no_place(redis: RedisServer) -> None:
    async with replicas(redis, connections_per_user=1) as (first, second):
        await enter(first, "ada")
        await until(lambda: stored(redis, first, "ada") == "1", "the place is not counted")
        counts: Any = first.server.parts.counts
        assert await turned_away(second, "ada")
        dead = next(task for task in first.server._supervisor._tasks if task.get_name() == "counts")
        dead.cancel()
        await until(
            lambda: redis.request("EXISTS", counts._holdings + counts._me) == ":0", "the lease does not end", 10
        )
        client = await enter(second, "ada")
        await until(lambda: stored(redis, second, "ada") == "1", "the place is not counted")
        assert (await client.request("ping"))["type"] == "pong"


@pytest.mark.deploy
async def test_s2_without_redis_each_replica_counts_for_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with redis_server() as redis:
        async with replicas(redis, connections_per_user=2) as (first, second):
            kept = [await enter(first, "ada")]
            redis.pause()
            await until(lambda: not counting(first) and not counting(second), "nobody notices that Redis is gone")
            assert "connections are counted at this replica only" in capsys.readouterr().out
            kept += [await enter(first, "ada"), await enter(second, "ada"), await enter(second, "ada")]
            assert await turned_away(second, "ada")
            redis.resume()
            await until(lambda: counting(first) and counting(second), "nobody notices that Redis is back")
            await until(lambda: stored(redis, first, "ada") == stored(redis, second, "ada") == "2", "no recount", 10)
            assert await turned_away(first, "ada")
            for client in kept:
                assert (await client.request("ping"))["type"] == "pong"


def counting(one: Running) -> bool:
    counts: Any = one.server.parts.counts
    return bool(counts._reachable)
