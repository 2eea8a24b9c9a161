"""What the log in Redis has to bear beyond what every log has: other writers, losses, crashes, servers of all kinds."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, cast
from uuid import uuid4

import msgspec
import pytest
import structlog
from redis.crc import key_slot

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.log import redis_records as records
from bodhisattva.servers.core.log.base import (
    AnsweredBefore,
    Entry,
    LogError,
    LogLost,
    LogMoved,
    LogRefused,
    LogTrimmed,
    Mark,
    Position,
    PositionTaken,
    Snapshot,
    StoredAnswer,
    StoredEvent,
)
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.tests.redis_server import SLOTS, RedisServer, redis_cluster, redis_server


@pytest.fixture
def own() -> Iterator[RedisServer]:
    """A Redis that the test may break."""
    with redis_server() as server:
        yield server


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


async def newer(log: RedisLog) -> list[str]:
    return [stored.id async for chunk in log.newer() for stored in chunk]


async def held(log: RedisLog) -> list[str]:
    return [stored.id for _, stored in await log.read("global", 0, 1000)]


async def test_s5_whoever_is_late_stores_nothing_until_it_has_read_on(redis: RedisServer) -> None:
    async with logs(settings(redis)) as (one, other):
        await one.propose(Entry((event(1),)))
        for entry in (Entry((event(1, "late"),)), Entry(answer=answer("r1")), Entry()):
            with pytest.raises(LogMoved):
                await other.propose(entry)
        assert await newer(other) == ["posted-1"]
        await other.propose(Entry((event(2, "late"),)))
        assert await newer(one) == ["late-2"]
        assert await held(one) == await held(other) == ["posted-1", "late-2"]
        assert await other.answers(0.0) == []


def test_an_event_lies_there_with_its_trace_or_without_a_place_for_one() -> None:
    plain = event(1)
    traced = msgspec.structs.replace(plain, trace="00-1-1-01")
    assert msgspec.json.decode(records.rest(plain)) == ["posted", "t", [["account:a", 1]]]
    assert msgspec.json.decode(records.rest(traced)) == ["posted", "t", [["account:a", 1]], "00-1-1-01"]


async def test_s5_of_many_writers_at_one_place_one_is_taken(redis: RedisServer) -> None:
    async with logs(settings(redis), 8) as many:
        for seq in range(1, 11):
            tried = [log.propose(Entry((event(seq, f"w{number}"),))) for number, log in enumerate(many)]
            outcomes = await asyncio.gather(*tried, return_exceptions=True)
            assert sorted(type(each).__name__ for each in outcomes) == ["LogMoved"] * 7 + ["NoneType"]
            winner = outcomes.index(None)
            for log in many:
                await newer(log)
            assert (await held(many[0]))[-1] == f"w{winner}-{seq}"


async def test_s1_2_the_first_answer_is_found_by_whoever_is_asked_again(redis: RedisServer) -> None:
    async with logs(settings(redis), window=10) as (one, other):
        await one.propose(Entry((event(1),), answer("r1", 100.0, b'{"n":1}')))
        with pytest.raises(AnsweredBefore) as before:
            await other.propose(Entry((event(1),), answer("r1", 110.0, b'{"n":2}')))
        assert before.value.outcome == b'{"n":1}'
        await newer(other)
        await other.propose(Entry((event(2),), answer("r1", 110.1, b'{"n":2}')))
        assert [known.outcome for known in await one.answers(0.0)] == [b'{"n":2}']


def snapshot(seq: int) -> Snapshot:
    return Snapshot(seq, {"global": seq, "account:a": seq}, b"state of %d" % seq)


async def proposed(log: RedisLog, first: int, last: int) -> None:
    await log.propose(*(Entry((event(seq),)) for seq in range(first, last + 1)))


async def test_s5_who_has_not_read_what_was_removed_is_told_so_and_begins_with_the_snapshot(redis: RedisServer) -> None:
    async with logs(settings(redis), 3) as (one, current, behind):
        await proposed(one, 1, 5)
        assert len(await newer(current)) == 5
        await one.save(snapshot(4))
        assert await one.trim(4) == {"global": 4, "account:a": 4}
        for late in (newer(behind), behind.propose(Entry((event(1, "late"),))), behind.save(snapshot(5))):
            with pytest.raises(LogTrimmed):
                await late
        await proposed(current, 6, 6)
        assert await newer(one) == ["posted-6"]
        for each in (one, current):
            await newer(each)
            assert (each.floor, each.size) == (4, 2 * len(b'{"n":5}'))
        with pytest.raises(LogTrimmed):
            await anext(aiter(behind.replay(3)))
        assert await behind.snapshot() == snapshot(4)
        assert [stored.id async for chunk in behind.replay(4) for stored in chunk] == ["posted-5", "posted-6"]
        await proposed(behind, 7, 7)
        assert await newer(one) == await newer(current) == ["posted-7"]


async def test_s5_a_log_of_which_all_was_removed_goes_on_at_its_numbers(redis: RedisServer) -> None:
    async with logs(settings(redis), 3) as (one, current, other):
        await proposed(one, 1, 3)
        await newer(current)
        await one.save(snapshot(3))
        await one.trim(3)
        assert redis.ask("EXISTS", one._keys.channel("account:a")) == ":0", "no channel is left behind empty"
        assert await other.snapshot() == snapshot(3)
        assert [chunk async for chunk in other.replay(3)] == []
        with pytest.raises(LogError, match="misnumbered"):
            await one.propose(Entry((msgspec.structs.replace(event(4), channels=(("account:a", 1),)),)))
        await proposed(current, 4, 4)
        assert await newer(one) == await newer(other) == ["posted-4"]
        assert await one.read("account:a", 0, 9) == [(4, event(4))]


async def test_s5_a_snapshot_makes_way_only_for_one_that_reaches_as_far(redis: RedisServer) -> None:
    async with logs(settings(redis)) as (one, other):
        await proposed(one, 1, 5)
        await newer(other)
        await one.save(snapshot(5))
        await other.save(snapshot(3))
        assert await other.snapshot() == snapshot(5)
        assert await other.trim(5) == {"global": 5, "account:a": 5}
        assert await one.trim(5) == {}, "done by another"


async def test_s5_a_history_that_was_lost_leaves_no_snapshot_in_the_one_that_holds(own: RedisServer) -> None:
    async with logs(settings(own), 1) as (one,):
        await proposed(one, 1, 2)
        saved = own.save()
        await proposed(one, 3, 4)
        own.kill()
        own.restore(saved)
        own.start()
        await _eventually_recovered(one)
        for late in (one.save(snapshot(4)), one.save(snapshot(2))):
            with pytest.raises(LogLost):
                await late
        assert await one.snapshot() is None


async def test_one_at_a_time_looks_after_the_retention(redis: RedisServer) -> None:
    async with logs(settings(redis)) as (one, other):
        assert await one.lease(5)
        assert not await other.lease(5)
        assert await one.lease(5), "it may stay"
        assert not await other.lease(0), "another's is not given back"
        assert not await other.lease(5)
        await one.lease(0)
        assert await other.lease(0.05)
        async with asyncio.timeout(5):
            while not await one.lease(5):  # noqa: ASYNC110 - it ends by itself
                await asyncio.sleep(0.01)


async def test_turns_go_round_in_the_order_in_which_they_were_asked_for(redis: RedisServer) -> None:
    async with logs(settings(redis), 3) as (one, other, third):
        assert await one.take([], 0.0) is not None
        for log in (other, third, other):
            assert await log.take([], 0.0) is None
        with pytest.raises(LogMoved):
            await third.propose(Entry((event(1),)))
        await one.propose(Entry((event(1),), answer("r1", outcome=b'{"n":1}')), more=True)
        assert await third.take([], 0.0) is None
        turn = await other.take([("ada", "r1"), ("ada", "r2")], 0.0)
        assert turn is not None
        assert [known.outcome for known in turn.answers] == [b'{"n":1}']
        await newer(other)
        await other.propose()
        assert await third.take([], 0.0) is not None
        await newer(third)
        await third.propose(Entry((event(2),), position=Position("source", "E", 1)), Entry((event(3),)), more=True)
        assert await one.take([], 0.0) is None, "kept, since nobody waited"
        await third.propose()
        turn = await one.take([], 0.0)
        assert turn is not None
        assert turn.positions == [Position("source", "E", 1)]
        assert await held(one) == ["posted-1", "posted-2", "posted-3"]


async def test_s1_2_answers_older_than_the_window_are_removed(redis: RedisServer) -> None:
    async with logs(settings(redis), 1, window=10) as (log,):
        for at in (100.0, 109.0, 111.0):
            await log.propose(Entry(answer=answer(f"r{at}", at)))
        assert {known.at for known in await log.answers(0.0)} == {109.0, 111.0}


async def test_s8_what_a_source_said_takes_effect_once_whichever_bridge_is_first(redis: RedisServer) -> None:
    async with logs(settings(redis)) as (one, other):
        await one.propose(Entry((event(1),), position=Position("source", "E", 5)))
        for offset in (4, 5):
            with pytest.raises(PositionTaken) as taken:
                await other.propose(Entry((event(1),), position=Position("source", "E", offset)))
            assert taken.value.position == Position("source", "E", 5)
        await newer(other)
        await other.propose(Entry(position=Position("source", "E", 6), basis=Position("source", "E", 5)))
        restored = Position("source", "another epoch", 1)
        with pytest.raises(PositionTaken):
            await other.propose(Entry((event(2),), position=restored, basis=Position("source", "E", 5)))
        await other.propose(Entry((event(2),), position=restored, basis=Position("source", "E", 6)))
        assert list(await one.positions()) == [Position("source", "another epoch", 1)]


def place(*ids: str) -> Position:
    """After the last of a source's first events, which have these ids; the epoch is always the same."""
    marks = tuple(Mark(offset, each) for offset, each in enumerate(ids, 1))
    return Position("source", "E", len(ids), marks=marks)


async def test_s8_only_what_was_read_on_from_where_the_bridge_is_takes_effect(redis: RedisServer) -> None:
    """The source was put back from a-b-c to a-b, kept its epoch, and went on with x and y."""
    async with logs(settings(redis), 1) as (log,):
        old, new = place("a", "b", "c"), place("a", "b", "x")
        await log.propose(Entry(position=old))
        await log.propose(Entry(position=new, basis=old))
        for late in (new, place("a", "b", "c", "d")):
            with pytest.raises(PositionTaken) as taken:
                await log.propose(Entry(position=late, basis=old))
            assert taken.value.position == new
        await log.propose(Entry(position=place("a", "b", "x", "y"), basis=new))
        assert list(await log.positions()) == [place("a", "b", "x", "y")]


async def test_s5_a_tail_that_is_gone_is_noticed_even_where_another_has_grown(own: RedisServer) -> None:
    """Six events, of which a failover loses three; a newcomer, who cannot know, writes three others in their place."""
    config = settings(own)
    async with logs(config, 1) as (one,):
        for seq in range(1, 4):
            await one.propose(Entry((event(seq),)))
        saved = own.save()
        for seq in range(4, 7):
            await one.propose(Entry((event(seq),)))
        own.kill()
        own.restore(saved)
        own.start()
        await _eventually_recovered(one)
        with pytest.raises(LogLost):
            await newer(one)
        newcomer = RedisLog(config, "ledger", 1e9)
        await newcomer.open()
        assert [len(chunk) async for chunk in newcomer.replay()] == [3]
        for seq in range(4, 7):
            await newcomer.propose(Entry((event(seq, "other"),)))
        for late in (newer(one), one.propose(Entry((event(7),)))):
            with pytest.raises(LogLost):
                await late
        before = one.epoch
        await one.renew()
        assert one.epoch != before
        with pytest.raises(LogLost):
            await newcomer.read("account:a", 0, 10)
        await newcomer.renew()
        assert newcomer.epoch == one.epoch, "one break, one new epoch"
        assert [len(chunk) async for chunk in one.replay()] == [6]
        await newcomer.close()


async def _eventually_recovered(log: RedisLog) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                return await log.recover()
            except LogError:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("kills", [4])
async def test_s5_kill_9_of_redis_loses_nothing_that_was_stored(own: RedisServer, kills: int) -> None:
    """Events, answer and position of an entry are there together or not at all, wherever the kill hits."""
    config = settings(own, timeout=1)
    stored = 0
    async with logs(config, 1) as (log,):
        for number in range(kills):
            killing = asyncio.get_running_loop().run_in_executor(None, _kill_soon, own, 0.05 + 0.013 * number)
            with suppress(LogError):
                while True:
                    seq = log._head.seq + 1
                    pair = (event(seq), event(seq + 1))
                    await log.propose(Entry(pair, answer(f"r{seq}"), Position("source", "E", seq)))
                    stored = seq + 1
            await killing
            await asyncio.to_thread(own.start)
            await _eventually_recovered(log)
            kept = [offset for offset, _ in await _all(log, "account:a")]
            assert kept == list(range(1, len(kept) + 1)), "no gap"
            assert len(kept) >= stored > 0
            assert len(kept) % 2 == 0, "no half of an entry"
            (position,) = await log.positions()
            assert (len(await log.answers(0.0)), position.offset) == (len(kept) // 2, len(kept) - 1)
            await newer(log)
            assert log._head.seq == len(kept)


def _kill_soon(server: RedisServer, pause: float) -> None:
    time.sleep(pause)
    server.kill()


async def _all(log: RedisLog, channel: str) -> list[tuple[int, StoredEvent]]:
    found: list[tuple[int, StoredEvent]] = []
    while page := await log.read(channel, found[-1][0] if found else 0, 1000):
        found += page
    return found


async def test_arrival_ends_when_another_has_appended_and_when_nobody_does(redis: RedisServer) -> None:
    async with logs(settings(redis)) as (one, other):
        await asyncio.wait_for(one.arrival(), 2)
        waiting = asyncio.ensure_future(one.arrival())
        await other.propose(Entry((event(1),)))
        await asyncio.wait_for(waiting, 2)
        assert await newer(one) == ["posted-1"]


async def refusal(config: LogConfig, service: str = "ledger") -> str:
    """The line with which a log is not opened."""
    with pytest.raises(LogRefused) as refused:
        await RedisLog(config, service, 60).open()
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("server", "asked", "says"),
    [
        ({"appendonly": "no"}, "always", "promises none, log.durability asks for always"),
        ({"appendfsync": "everysec"}, "always", "promises everysec, log.durability asks for always"),
        ({"appendfsync": "no"}, "everysec", "promises none, log.durability asks for everysec"),
        ({"no-appendfsync-on-rewrite": "yes"}, "everysec", "flushes nothing while it rewrites its file"),
        ({"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}, "everysec", "may throw keys away"),
        ({"rename-command": "CONFIG hidden"}, "everysec", "does not show its settings"),
    ],
)
async def test_s7_a_redis_that_promises_less_than_is_asked_for_is_refused_in_a_line(
    server: dict[str, str], asked: Any, says: str
) -> None:
    with redis_server(**server) as weak:
        assert says in await refusal(settings(weak, durability=asked))
        with structlog.testing.capture_logs() as lines:
            async with logs(settings(weak, durability="none"), 1):
                pass
        assert [line["event"] for line in lines] == ["redis promises little"]


async def test_a_redis_that_promises_what_is_asked_for_is_taken_in_silence(redis: RedisServer) -> None:
    with structlog.testing.capture_logs() as lines:
        for asked in ("always", "everysec", "none"):
            async with logs(settings(redis, durability=asked), 1):
                pass
    assert lines == []


async def test_s7_a_redis_that_takes_no_writes_is_refused_in_a_line_though_the_log_can_be_read(
    own: RedisServer,
) -> None:
    config = settings(own)
    async with logs(config, 1):
        own.ask("REPLICAOF", "127.0.0.1", "1")
        assert "cannot be used: You can't write against a read only replica" in await refusal(config)


RIGHTS = "~{test* &{test* +@all -@dangerous +config|get"


@pytest.mark.parametrize(
    ("missing", "says"),
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
    own: RedisServer, missing: str, says: str | None
) -> None:
    """As the guide names them; Redis gives a new user no channels."""
    own.ask("ACL", "SETUSER", "fleet", "on", ">secret", *RIGHTS.split(), *missing.split())
    config = msgspec.structs.replace(settings(own), url=own.url.replace("//", "//fleet:secret@"))
    if says is not None:
        assert says in await refusal(config)
        return
    async with logs(config) as (one, other):
        await one.propose(Entry((event(1),), answer("r1")))
        assert await newer(other) == ["posted-1"]
        ear = other.heard()
        assert await anext(ear) == b""
        assert await one.shout(b"hello") == 1
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
        redis.ask("HSET", f"{{{config.prefix}:ledger}}:meta", "format", "99")
    assert "has format 99" in await refusal(config)
    redis.ask("HSET", f"{{{config.prefix}:ledger}}:meta", "format", "1", "service", "other")
    assert "is of other, not of ledger" in await refusal(config)


async def test_an_answer_waits_for_as_many_replicas_of_redis_as_are_asked_for(own: RedisServer) -> None:
    config = settings(own, acknowledgements=1, timeout=2)
    async with logs(config, 1) as (log,):
        with pytest.raises(LogError, match="0 of 1 Redis replicas have it"):
            await log.propose(Entry((event(1),), answer("r1")))
        with pytest.raises(LogError, match="0 of 1"):
            await log.recover()
        with redis_server(replicaof=f"127.0.0.1 {own.port}"):
            await _eventually_recovered(log)
            with pytest.raises(AnsweredBefore):
                await log.propose(Entry((event(1),), answer("r1")))
            assert await newer(log) == ["posted-1"]
            await log.propose(Entry((event(2),), answer("r2")))


async def test_a_master_is_found_through_its_sentinels_and_after_a_failover_too(own: RedisServer) -> None:
    watched = [f"sentinel monitor main 127.0.0.1 {own.port} 1", "sentinel down-after-milliseconds main 300"]
    quick = ["sentinel failover-timeout main 2000"]
    with redis_server(replicaof=f"127.0.0.1 {own.port}") as second, redis_server(lines=[*watched, *quick]) as sentinel:
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/main"
        async with logs(LogConfig("redis", url=url, timeout=1), 1) as (log,):
            await _says(second, "connected", "ROLE")
            await log.propose(Entry((event(1),)))
            await _says(second, ":1", "XLEN", f"{{{log._keys.base.strip(':{}')}}}:entries")
            own.kill()
            await _says(second, "master", "ROLE")
            await _eventually_recovered(log)
            assert await newer(log) == [], "nothing was lost"
            await log.propose(Entry((event(2),)))


async def _says(server: RedisServer, expected: str, *words: str) -> None:
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
        await one.propose(Entry((event(1),), answer("r1"), Position("source", "E", 1)))
        await asyncio.wait_for(other.arrival(), 2)
        assert await newer(other) == ["posted-1"]
        assert [offset for offset, _ in await other.read("account:a", 0, 10)] == [1]
        ears = [log.heard() for log in (one, other)]
        assert [await anext(ear) for ear in ears] == [b"", b""]
        assert await one.shout(b"hello") == 2, "all who hear it are counted"
        assert [await anext(ear) for ear in ears] == [b"hello", b"hello"]
        for ear in ears:
            await cast("AsyncGenerator[bytes, None]", ear).aclose()
        assert await other.lease(1)
        await other.save(snapshot(1))
        assert await other.trim(1) == {"global": 1, "account:a": 1}
        assert await one.floors() == {"global": 1, "account:a": 1}
    holder = cluster[number].answer("CLUSTER", "COUNTKEYSINSLOT", str(key_slot(f"{config.prefix}:ledger".encode())))
    assert int(holder.strip(":\r\n")) > 0, "where it has to be"


async def test_s7_a_cluster_promises_as_much_as_the_least_of_its_masters(cluster: list[RedisServer]) -> None:
    config = in_cluster(cluster, 2)
    cluster[2].ask("CONFIG", "SET", "appendfsync", "no")
    try:
        assert "promises none, log.durability asks for always" in await refusal(config)
    finally:
        cluster[2].ask("CONFIG", "SET", "appendfsync", "always")
    async with logs(config, 1):
        pass


async def test_what_cannot_be_asked_of_a_cluster_is_refused_in_a_line() -> None:
    config = LogConfig("redis", url="redis+cluster://127.0.0.1:1", acknowledgements=1)
    assert "cannot be asked of a cluster" in await refusal(config)
