"""What is no longer there of a log in Redis, removed or lost, and who is informed."""

import asyncio
import time
from contextlib import suppress

import msgspec
import pytest

from bodhisattva.servers.core.log.base import Entry, LogError, LogLost, LogTrimmed, Position, StoredEvent
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.tests.redis_logs import (
    answer,
    appended,
    event,
    eventually_recovered,
    logs,
    newer,
    settings,
    snapshot,
)
from bodhisattva.servers.tests.redis_server import RedisServer


async def test_s5_who_has_not_read_what_was_removed_learns_it_and_begins_with_the_snapshot(redis: RedisServer) -> None:
    async with logs(settings(redis), 3) as (one, current, behind):
        await appended(one, 1, 5)
        assert len(await newer(current)) == 5
        await one.save(snapshot(4))
        assert await one.trim(4) == {"global": 4, "account:a": 4}
        for late in (newer(behind), behind.append(Entry((event(1, "late"),))), behind.save(snapshot(5))):
            with pytest.raises(LogTrimmed):
                await late
        await appended(current, 6, 6)
        assert await newer(one) == ["posted-6"]
        for each in (one, current):
            await newer(each)
            assert (each.log_start, each.size) == (4, 2 * len(b'{"n":5}'))
        with pytest.raises(LogTrimmed):
            await anext(aiter(behind.replay(3)))
        assert await behind.snapshot() == snapshot(4)
        assert [stored.id async for chunk in behind.replay(4) for stored in chunk] == ["posted-5", "posted-6"]
        await appended(behind, 7, 7)
        assert await newer(one) == await newer(current) == ["posted-7"]


async def test_s5_a_log_of_which_all_was_removed_goes_on_at_its_numbers(redis: RedisServer) -> None:
    async with logs(settings(redis), 3) as (one, current, other):
        await appended(one, 1, 3)
        await newer(current)
        await one.save(snapshot(3))
        await one.trim(3)
        assert redis.request("EXISTS", one._keys.channel("account:a")) == ":0", "no channel is left behind empty"
        assert await other.snapshot() == snapshot(3)
        assert [chunk async for chunk in other.replay(3)] == []
        with pytest.raises(LogError, match="misnumbered"):
            await one.append(Entry((msgspec.structs.replace(event(4), channels=(("account:a", 1),)),)))
        await appended(current, 4, 4)
        assert await newer(one) == await newer(other) == ["posted-4"]
        assert await one.read("account:a", 0, 9) == [(4, event(4))]


async def test_s5_a_snapshot_makes_way_only_for_one_that_reaches_as_far(redis: RedisServer) -> None:
    async with logs(settings(redis)) as (one, other):
        await appended(one, 1, 5)
        await newer(other)
        await one.save(snapshot(5))
        await other.save(snapshot(3))
        assert await other.snapshot() == snapshot(5)
        assert await other.trim(5) == {"global": 5, "account:a": 5}
        assert await one.trim(5) == {}, "done by another"


async def test_s5_a_history_that_was_lost_leaves_no_snapshot_in_the_one_that_holds(own: RedisServer) -> None:
    async with logs(settings(own), 1) as (one,):
        await appended(one, 1, 2)
        saved = own.save()
        await appended(one, 3, 4)
        own.kill()
        own.restore(saved)
        own.start()
        await eventually_recovered(one)
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


async def test_s5_a_tail_that_is_gone_is_noticed_even_where_another_has_grown(own: RedisServer) -> None:
    """Six events, of which a failover loses three; a newcomer, who cannot know, writes three others in their place."""
    config = settings(own)
    async with logs(config, 1) as (one,):
        for seq in range(1, 4):
            await one.append(Entry((event(seq),)))
        saved = own.save()
        for seq in range(4, 7):
            await one.append(Entry((event(seq),)))
        own.kill()
        own.restore(saved)
        own.start()
        await eventually_recovered(one)
        with pytest.raises(LogLost):
            await newer(one)
        newcomer = RedisLog(config, "ledger", 1e9)
        await newcomer.open()
        assert [len(chunk) async for chunk in newcomer.replay()] == [3]
        for seq in range(4, 7):
            await newcomer.append(Entry((event(seq, "other"),)))
        for late in (newer(one), one.append(Entry((event(7),)))):
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
                    await log.append(Entry(pair, answer(f"r{seq}"), Position("source", "E", seq)))
                    stored = seq + 1
            await killing
            await asyncio.to_thread(own.start)
            await eventually_recovered(log)
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
