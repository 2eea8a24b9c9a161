"""What the log in Redis has to bear beyond what every log has: other writers, each with a turn and a place."""

import asyncio

import msgspec
import pytest

from bodhisattva.servers.core.log import redis_records as records
from bodhisattva.servers.core.log.base import AnsweredBefore, Entry, LogMoved, Mark, Position, PositionTaken
from bodhisattva.servers.tests.redis_logs import answer, event, held, logs, newer, settings
from bodhisattva.servers.tests.redis_server import RedisServer


async def test_s5_whoever_is_late_stores_nothing_until_it_has_read_on(redis: RedisServer) -> None:
    async with logs(settings(redis)) as (one, other):
        await one.append(Entry((event(1),)))
        for entry in (Entry((event(1, "late"),)), Entry(answer=answer("r1")), Entry()):
            with pytest.raises(LogMoved):
                await other.append(entry)
        assert await newer(other) == ["posted-1"]
        await other.append(Entry((event(2, "late"),)))
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
            tried = [log.append(Entry((event(seq, f"w{number}"),))) for number, log in enumerate(many)]
            outcomes = await asyncio.gather(*tried, return_exceptions=True)
            assert sorted(type(each).__name__ for each in outcomes) == ["LogMoved"] * 7 + ["NoneType"]
            winner = outcomes.index(None)
            for log in many:
                await newer(log)
            assert (await held(many[0]))[-1] == f"w{winner}-{seq}"


async def test_s1_2_the_first_answer_is_found_by_whichever_replica_gets_the_retry(redis: RedisServer) -> None:
    async with logs(settings(redis), window=10) as (one, other):
        await one.append(Entry((event(1),), answer("r1", 100.0, b'{"n":1}')))
        with pytest.raises(AnsweredBefore) as before:
            await other.append(Entry((event(1),), answer("r1", 110.0, b'{"n":2}')))
        assert before.value.outcome == b'{"n":1}'
        await newer(other)
        await other.append(Entry((event(2),), answer("r1", 110.1, b'{"n":2}')))
        assert [known.outcome for known in await one.answers(0.0)] == [b'{"n":2}']


async def test_turns_go_round_in_the_order_in_which_they_were_requested(redis: RedisServer) -> None:
    async with logs(settings(redis), 3) as (one, other, third):
        assert await one.acquire([], 0.0) is not None
        for log in (other, third, other):
            assert await log.acquire([], 0.0) is None
        with pytest.raises(LogMoved):
            await third.append(Entry((event(1),)))
        await one.append(Entry((event(1),), answer("r1", outcome=b'{"n":1}')), more=True)
        assert await third.acquire([], 0.0) is None
        turn = await other.acquire([("ada", "r1"), ("ada", "r2")], 0.0)
        assert turn is not None
        assert [known.outcome for known in turn.answers] == [b'{"n":1}']
        await newer(other)
        await other.append()
        assert await third.acquire([], 0.0) is not None
        await newer(third)
        await third.append(Entry((event(2),), position=Position("source", "E", 1)), Entry((event(3),)), more=True)
        assert await one.acquire([], 0.0) is None, "kept, since nobody waited"
        await third.append()
        turn = await one.acquire([], 0.0)
        assert turn is not None
        assert turn.positions == [Position("source", "E", 1)]
        assert await held(one) == ["posted-1", "posted-2", "posted-3"]


async def test_s1_2_answers_older_than_the_window_are_removed(redis: RedisServer) -> None:
    async with logs(settings(redis), 1, window=10) as (log,):
        for at in (100.0, 109.0, 111.0):
            await log.append(Entry(answer=answer(f"r{at}", at)))
        assert {known.at for known in await log.answers(0.0)} == {109.0, 111.0}


async def test_s8_an_event_of_a_source_takes_effect_once_whichever_bridge_is_first(redis: RedisServer) -> None:
    async with logs(settings(redis)) as (one, other):
        await one.append(Entry((event(1),), position=Position("source", "E", 5)))
        for offset in (4, 5):
            with pytest.raises(PositionTaken) as taken:
                await other.append(Entry((event(1),), position=Position("source", "E", offset)))
            assert taken.value.position == Position("source", "E", 5)
        await newer(other)
        await other.append(Entry(position=Position("source", "E", 6), basis=Position("source", "E", 5)))
        restored = Position("source", "another epoch", 1)
        with pytest.raises(PositionTaken):
            await other.append(Entry((event(2),), position=restored, basis=Position("source", "E", 5)))
        await other.append(Entry((event(2),), position=restored, basis=Position("source", "E", 6)))
        assert list(await one.positions()) == [Position("source", "another epoch", 1)]


def place(*ids: str) -> Position:
    """After the last of a source's first events, which have these ids; the epoch is always the same."""
    marks = tuple(Mark(offset, each) for offset, each in enumerate(ids, 1))
    return Position("source", "E", len(ids), marks=marks)


async def test_s8_only_what_was_read_on_from_where_the_bridge_is_takes_effect(redis: RedisServer) -> None:
    """The source was put back from a-b-c to a-b, kept its epoch, and went on with x and y."""
    async with logs(settings(redis), 1) as (log,):
        old, new = place("a", "b", "c"), place("a", "b", "x")
        await log.append(Entry(position=old))
        await log.append(Entry(position=new, basis=old))
        for late in (new, place("a", "b", "c", "d")):
            with pytest.raises(PositionTaken) as taken:
                await log.append(Entry(position=late, basis=old))
            assert taken.value.position == new
        await log.append(Entry(position=place("a", "b", "x", "y"), basis=new))
        assert list(await log.positions()) == [place("a", "b", "x", "y")]


async def test_arrival_ends_when_another_has_appended_and_when_nobody_does(redis: RedisServer) -> None:
    async with logs(settings(redis)) as (one, other):
        await asyncio.wait_for(one.arrival(), 2)
        waiting = asyncio.ensure_future(one.arrival())
        await other.append(Entry((event(1),)))
        await asyncio.wait_for(waiting, 2)
        assert await newer(one) == ["posted-1"]
