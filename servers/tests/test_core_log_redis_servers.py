"""Redis servers of all kinds: what they promise, whom they let in, where they pass a log on."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import Any, cast
from uuid import uuid4

import msgspec
import pytest
import structlog
from redis.crc import key_slot

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.log.base import AnsweredBefore, Entry, LogError, LogRefused, Position
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.tests.redis_logs import answer, event, eventually_recovered, logs, newer, settings, snapshot
from bodhisattva.servers.tests.redis_server import SLOTS, RedisServer, redis_cluster, redis_server

pytestmark = pytest.mark.deploy


async def refusal(config: LogConfig, service: str = "ledger") -> str:
    """The line with which a log is not opened."""
    with pytest.raises(LogRefused) as refused:
        await RedisLog(config, service, 60).open()
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("server", "requested", "expected"),
    [
        ({"appendonly": "no"}, "always", "promises none, log.durability requires always"),
        ({"appendfsync": "everysec"}, "always", "promises everysec, log.durability requires always"),
        ({"appendfsync": "no"}, "everysec", "promises none, log.durability requires everysec"),
        ({"no-appendfsync-on-rewrite": "yes"}, "everysec", "flushes nothing while it rewrites its file"),
        ({"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}, "everysec", "may throw keys away"),
        ({"rename-command": "CONFIG hidden"}, "everysec", "does not show its settings"),
    ],
)
async def test_s7_a_redis_that_promises_less_than_is_requested_is_refused_in_a_line(
    server: dict[str, str], requested: Any, expected: str
) -> None:
    with redis_server(**server) as weak:
        assert expected in await refusal(settings(weak, durability=requested))
        with structlog.testing.capture_logs() as lines:
            async with logs(settings(weak, durability="none"), 1):
                pass
        assert [line["event"] for line in lines] == ["redis promises little"]


async def test_a_redis_that_promises_what_is_requested_is_taken_in_silence(redis: RedisServer) -> None:
    with structlog.testing.capture_logs() as lines:
        for requested in ("always", "everysec", "none"):
            async with logs(settings(redis, durability=requested), 1):
                pass
    assert lines == []


async def test_s7_a_redis_that_takes_no_writes_is_refused_in_a_line_though_the_log_can_be_read(
    own: RedisServer,
) -> None:
    config = settings(own)
    async with logs(config, 1):
        own.request("REPLICAOF", "127.0.0.1", "1")
        assert "cannot be used: You can't write against a read only replica" in await refusal(config)


RIGHTS = "~{test* &{test* +@all -@dangerous +config|get"


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("", None),
        ("resetchannels", "no permissions to access one of the channels"),
        ("resetkeys", "no permissions to access one of the keys"),
        ("-@scripting", "no permissions to run the 'evalsha' command"),
        ("-config", "does not show its settings"),
        ("off", "invalid username-password pair or user is disabled"),
    ],
)
async def test_s7_a_user_without_the_rights_that_are_needed_is_refused_in_a_line(
    own: RedisServer, missing: str, expected: str | None
) -> None:
    """As the guide names them; Redis gives a new user no channels."""
    own.request("ACL", "SETUSER", "fleet", "on", ">secret", *RIGHTS.split(), *missing.split())
    config = msgspec.structs.replace(settings(own), url=own.url.replace("//", "//fleet:secret@"))
    if expected is not None:
        assert expected in await refusal(config)
        return
    async with logs(config) as (one, other):
        await one.append(Entry((event(1),), answer("r1")))
        assert await newer(other) == ["posted-1"]
        ear = other.messages()
        assert await anext(ear) == b""
        assert await one.broadcast(b"hello") == 1
        await cast("AsyncGenerator[bytes, None]", ear).aclose()
        await one.save(snapshot(1))
        assert await one.trim(1) == {"global": 1, "account:a": 1}
        assert await newer(other) == []


async def test_s7_a_redis_that_is_not_there_is_refused_in_a_line_without_its_password() -> None:
    line = await refusal(LogConfig("redis", url="redis://user:hunter2@127.0.0.1:1/0"))
    assert "the Redis at redis://(hidden)@127.0.0.1:1/0 cannot be used" in line
    assert "hunter2" not in line


async def test_s7_a_newer_format_and_another_service_s_log_are_refused_in_a_line(redis: RedisServer) -> None:
    config = settings(redis)
    async with logs(config, 1):
        redis.request("HSET", f"{{{config.prefix}:ledger}}:meta", "format", "99")
    assert "has format 99" in await refusal(config)
    redis.request("HSET", f"{{{config.prefix}:ledger}}:meta", "format", "1", "service", "other")
    assert "is of other, not of ledger" in await refusal(config)


async def test_an_answer_waits_for_as_many_replicas_of_redis_as_are_requested(own: RedisServer) -> None:
    config = settings(own, acknowledgements=1, timeout=2)
    async with logs(config, 1) as (log,):
        with pytest.raises(LogError, match="0 of 1 Redis replicas have it"):
            await log.append(Entry((event(1),), answer("r1")))
        with pytest.raises(LogError, match="0 of 1"):
            await log.recover()
        with redis_server(replicaof=f"127.0.0.1 {own.port}"):
            await eventually_recovered(log)
            with pytest.raises(AnsweredBefore):
                await log.append(Entry((event(1),), answer("r1")))
            assert await newer(log) == ["posted-1"]
            await log.append(Entry((event(2),), answer("r2")))


async def test_a_master_is_found_through_its_sentinels_and_after_a_failover_too(own: RedisServer) -> None:
    watched = [f"sentinel monitor main 127.0.0.1 {own.port} 1", "sentinel down-after-milliseconds main 300"]
    quick = ["sentinel failover-timeout main 2000"]
    with redis_server(replicaof=f"127.0.0.1 {own.port}") as second, redis_server(lines=[*watched, *quick]) as sentinel:
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/main"
        async with logs(LogConfig("redis", url=url, timeout=1), 1) as (log,):
            await _answers(second, "connected", "ROLE")
            await log.append(Entry((event(1),)))
            await _answers(second, ":1", "XLEN", f"{{{log._keys.base.strip(':{}')}}}:entries")
            own.kill()
            await _answers(second, "master", "ROLE")
            await eventually_recovered(log)
            assert await newer(log) == [], "nothing was lost"
            await log.append(Entry((event(2),)))


async def _answers(server: RedisServer, expected: str, *words: str) -> None:
    """Wait for an answer."""
    async with asyncio.timeout(10):
        while expected not in server.answer(*words):  # noqa: ASYNC110 - Redis offers nothing to wait on
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[RedisServer]]:
    with redis_cluster() as nodes:
        yield nodes


def in_cluster(nodes: list[RedisServer], number: int) -> LogConfig:
    """A log whose slot is the node's, reached through another."""
    url = f"redis+cluster://127.0.0.1:{nodes[number - 1].port}"
    share = SLOTS / len(nodes)
    prefixes = (f"test-{uuid4()}" for _ in range(1000))
    prefix = next(each for each in prefixes if int(key_slot(f"{each}:ledger".encode()) // share) == number)
    return LogConfig("redis", url=url, prefix=prefix)


@pytest.mark.parametrize("number", range(3))
async def test_a_cluster_keeps_a_log_in_one_of_its_slots(cluster: list[RedisServer], number: int) -> None:
    config = in_cluster(cluster, number)
    async with logs(config) as (one, other):
        await one.append(Entry((event(1),), answer("r1"), Position("source", "E", 1)))
        await asyncio.wait_for(other.arrival(), 2)
        assert await newer(other) == ["posted-1"]
        assert [offset for offset, _ in await other.read("account:a", 0, 10)] == [1]
        ears = [log.messages() for log in (one, other)]
        assert [await anext(ear) for ear in ears] == [b"", b""]
        assert await one.broadcast(b"hello") == 2, "all who receive it are counted"
        assert [await anext(ear) for ear in ears] == [b"hello", b"hello"]
        for ear in ears:
            await cast("AsyncGenerator[bytes, None]", ear).aclose()
        assert await other.lease(1)
        await other.save(snapshot(1))
        assert await other.trim(1) == {"global": 1, "account:a": 1}
        assert await one.log_starts() == {"global": 1, "account:a": 1}
    holder = cluster[number].answer("CLUSTER", "COUNTKEYSINSLOT", str(key_slot(f"{config.prefix}:ledger".encode())))
    assert int(holder.strip(":\r\n")) > 0, "where it has to be"


async def test_no_node_of_a_cluster_is_held_on_to_by_a_log_that_closes_after_another_node_failed() -> None:
    with redis_cluster() as nodes:
        async with logs(in_cluster(nodes, 1), 1) as (log,):
            nodes[1].kill()
            with pytest.raises(LogError):
                await log.check_held()
            assert not await asyncio.to_thread(_is_left_alone, nodes[0]), "the log holds on to it until it is closed"
        for node in (nodes[0], nodes[2]):
            async with asyncio.timeout(5):
                while not await asyncio.to_thread(_is_left_alone, node):  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.05)


def _is_left_alone(server: RedisServer) -> bool:
    """By all but the caller."""
    return "connected_clients:1\r" in server.answer("INFO", "clients")


async def test_s7_a_cluster_promises_as_much_as_the_least_of_its_masters(cluster: list[RedisServer]) -> None:
    config = in_cluster(cluster, 2)
    cluster[2].request("CONFIG", "SET", "appendfsync", "no")
    try:
        assert "promises none, log.durability requires always" in await refusal(config)
    finally:
        cluster[2].request("CONFIG", "SET", "appendfsync", "always")
    async with logs(config, 1):
        pass


async def test_what_cannot_be_requested_of_a_cluster_is_refused_in_a_line() -> None:
    config = LogConfig("redis", url="redis+cluster://127.0.0.1:1", acknowledgements=1)
    assert "cannot be had of a cluster" in await refusal(config)
