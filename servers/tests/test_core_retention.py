"""Retention: what goes, what stays readable, and that the state never needs what went (protocol 5)."""

import asyncio
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bodhisattva.servers.core.config import LogConfig, Retention
from bodhisattva.servers.core.engine import retention
from bodhisattva.servers.core.engine.snapshot import unpack
from bodhisattva.servers.core.log.base import Entry, LocalLog, LogError, StoredEvent
from bodhisattva.servers.core.log.memory import MemoryLog
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.log.sqlite import SqliteLog
from bodhisattva.servers.tests import trimmer
from bodhisattva.servers.tests.ledger import LEDGER, State
from bodhisattva.servers.tests.redis_server import RedisServer
from bodhisattva.servers.tests.running import Client, Running, events, offsets, post, running, until
from bodhisattva.servers.tests.trimmer import FIRST, log_at, started, submit


def keeping(**limits: Any) -> dict[str, Any]:
    """Settings of a server that looks after its log all the time."""
    return {"log": LogConfig("memory", Retention(**limits, interval=0.01))}


def event(seq: int, *, size: int = 10, age: float = 0) -> StoredEvent:
    at = (datetime.now(UTC) - timedelta(seconds=age)).isoformat()
    return StoredEvent(seq, f"e{seq}", "posted", at, (("account:a", seq),), msgspec.Raw(b'"%s"' % (b"x" * (size - 2))))


@pytest.mark.parametrize(
    ("limits", "upto"),
    [
        ({}, 0),
        ({"events": 10}, 0),
        ({"events": 4}, 6),
        ({"events": 1}, 9),
        ({"bytes": 100}, 0),
        ({"bytes": 99}, 1),
        ({"bytes": 5}, 10),
        ({"age": 100}, 0),
        ({"age": 35}, 6),
        ({"age": 1}, 9),
        ({"events": 8, "bytes": 55, "age": 1000}, 5),
    ],
)
async def test_s5_what_is_too_many_too_much_or_too_old_has_to_go(limits: dict[str, Any], upto: int) -> None:
    log = MemoryLog()
    for seq in range(1, 11):
        await log.append(Entry((event(seq, age=10.0 * (10 - seq)),)))
    assert await retention.due(log, Retention(**limits), 0, 10) == upto


async def posted(engine: Any, amounts: range) -> None:
    for amount in amounts:
        assert (await submit(engine, amount)).code is None


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.deploy)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], RedisLog | LocalLog]:
    """One log, opened anew at each call."""
    match request.param:
        case "memory":
            return partial(_the_same, MemoryLog())
        case "sqlite":
            return partial(log_at, str(tmp_path / "a.sqlite3"))
    redis: RedisServer = request.getfixturevalue("redis")
    return partial(log_at, redis.url, f"test-{uuid4()}")


def _the_same(log: MemoryLog) -> MemoryLog:
    return log


async def test_s5_the_state_needs_nothing_of_what_went(place: Callable[[], RedisLog | LocalLog]) -> None:
    log = place()
    async with started(log) as engine:
        await posted(engine, range(100, 130))
        assert await retention.trim(engine, Retention(events=4)) == 26
        await posted(engine, range(130, 132))
        state, size = engine.state, log.size
        assert await retention.trim(engine, Retention(events=4)) == 2
        assert log.size < size
    again = place()
    async with started(again) as engine:
        assert engine.state == state
        assert (engine.offset("account:a"), engine.log_start("account:a"), engine.log_start("global")) == (32, 28, 28)
        assert [seq for seq, _ in await again.read("global", 0, 99)] == [29, 30, 31, 32]
        assert again.size == sum(len(bytes(kept.data)) for _, kept in await again.read("global", 0, 99))
        assert (await submit(engine, 100)).code is None, "a retry is answered, also if its event is gone"
        await posted(engine, range(132, 133))
        assert isinstance(engine.state, State)
        assert engine.state.amounts == list(range(100, 133))


async def test_one_snapshot_serves_until_as_much_is_written_again() -> None:
    log = MemoryLog()
    async with started(log) as engine:
        taken = set()
        for amount in range(100, 150):
            await posted(engine, range(amount, amount + 1))
            await retention.trim(engine, Retention(events=10))
            snapshot = await log.snapshot()
            taken.add(snapshot.seq if snapshot else 0)
        assert taken == {0, 11, 22, 33, 44}


async def test_a_snapshot_holds_nothing_that_is_not_yet_published() -> None:
    """What a failed write turns out to have stored is still to be delivered to subscribers."""
    log = MemoryLog()
    async with started(log) as engine:
        await posted(engine, range(100, 105))
        waiting = submit(engine, 105)
        assert engine.offset("global") == 5
        await retention.trim(engine, Retention(events=1))
        snapshot = await log.snapshot()
        assert snapshot is not None
        assert snapshot.seq == 5
        state = unpack(LEDGER, snapshot.state)
        assert isinstance(state, State)
        assert state.amounts == list(range(100, 105))
        await waiting


async def test_nothing_goes_that_no_snapshot_stands_for(tmp_path: Path) -> None:
    for log in (MemoryLog(), SqliteLog(tmp_path / "a.sqlite3", "ledger", 1e9)):
        await log.open()
        await log.append(Entry((event(1),)))
        with pytest.raises(LogError, match="no snapshot"):
            await log.trim(1)
        await log.append(Entry((event(2),)))
        assert [seq for seq, _ in await log.read("global", 0, 9)] == [1, 2]
        await log.close()


WORK = st.lists(st.integers(1, 9) | st.sampled_from(["restart"]) | st.builds(Retention, events=st.integers(1, 6)))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORK)
async def test_no_trimming_and_no_restart_shows_in_what_is_left(
    tmp_path: Path, redis: RedisServer, work: list[int | str | Retention]
) -> None:
    """State, offsets and the newest events are those of a log that holds everything, wherever it lies."""
    posts = sum(step for step in work if isinstance(step, int))
    with TemporaryDirectory(dir=tmp_path) as folder:
        memory = MemoryLog()
        left = [
            await _worked(lambda: memory, work),
            await _worked(lambda: SqliteLog(Path(folder) / "a.sqlite3", "ledger", 1e9), work),
            await _worked(partial(log_at, redis.url, f"test-{uuid4()}"), work),
        ]
    assert left == [left[0]] * 3
    amounts, tail, log_start, held = left[0]
    assert (amounts, tail) == (list(range(FIRST, FIRST + posts)), posts)
    assert held == [(offset, FIRST + offset - 1) for offset in range(log_start + 1, posts + 1)]


async def _worked(
    make: Callable[[], RedisLog | LocalLog], work: list[int | str | Retention]
) -> tuple[list[int], int, int, Any]:
    """The amounts in the state, the newest offset, the floor, and (offset, amount) of what is held."""
    steps = deque([*work, "restart", "end"])
    while True:
        async with started(make()) as engine:
            while steps and (step := steps.popleft()) not in ("restart", "end"):
                if isinstance(step, Retention):
                    await retention.trim(engine, step)
                elif isinstance(step, int):
                    first = FIRST + engine.offset("account:a")
                    await posted(engine, range(first, first + step))
            if steps:
                continue
            assert isinstance(engine.state, State)
            held = [
                (offset, msgspec.json.decode(event.data)["amount"])
                for offset, event in await engine.log.read("account:a", 0, 1000)
            ]
            return engine.state.amounts, engine.offset("account:a"), engine.log_start("account:a"), held


async def trimmed(one: Running, log_start: int) -> None:
    await until(lambda: one.server.parts.engine.log_start("global") == log_start, "the log is not trimmed")


async def subscribed(client: Client, epoch: str, offset: int) -> tuple[bool, int]:
    answer = await client.request("subscribe", channel="account:a", since={"epoch": epoch, "offset": offset})
    return answer["data"]["recovered"], answer["data"]["offset"]


async def test_s5_who_resumes_before_what_is_held_learns_it_and_receives_live_events() -> None:
    async with running(**keeping(events=5)) as one:
        writer, reader, other = [await one.connect() for _ in range(3)]
        epoch = one.server.parts.engine.log.epoch
        await post(writer, range(100, 120))
        await trimmed(one, 15)
        assert await subscribed(reader, epoch, 14) == (False, 20)
        await post(writer, range(120, 121))
        assert offsets(await events(reader, 1)) == [21]
        await trimmed(one, 16)
        assert await subscribed(other, epoch, 16) == (True, 16)
        assert offsets(await events(other, 5)) == list(range(17, 22))


async def test_s5_history_begins_at_the_oldest_that_is_held() -> None:
    async with running(**keeping(events=5)) as one:
        client = await one.connect()
        await post(client, range(100, 120))
        await trimmed(one, 15)
        for after, first in ((0, 16), (15, 16), (17, 18)):
            answer = (await client.request("history", channel="account:a", after=after))["data"]
            assert (offsets(answer["events"]), answer["offset"]) == (list(range(first, 21)), 20)
        assert (await client.request("balance", account="a"))["data"]["amounts"] == list(range(100, 120))


async def test_s5_what_is_taken_away_from_who_catches_up_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as one:
        client = await one.connect()
        await post(client, range(100, 120))
        engine = one.server.parts.engine
        read = engine.log.read

        async def read_late(channel: str, after: int, limit: int) -> Any:
            await retention.trim(engine, Retention(events=5))
            return await read(channel, after, limit)

        monkeypatch.setattr(engine.log, "read", read_late)
        monkeypatch.setattr(retention, "due", lambda *_: asyncio.sleep(0, 15))
        await client.send("subscribe", channel="account:a", since={"epoch": engine.log.epoch, "offset": 3})
        assert await client.close_code() == 1011


async def test_s6_the_metrics_show_what_the_log_holds() -> None:
    async with running(**keeping(events=5)) as one:
        await post(await one.connect(), range(100, 120))
        await trimmed(one, 15)
        _, text = await one.get("/metrics")
        values = {
            line.split("{")[0]: float(line.split()[-1])
            for line in text.splitlines()
            if line.startswith("websocket_log_")
        }
        assert values["websocket_log_events"] == 5
        assert values["websocket_log_bytes"] == one.server.parts.engine.log.size > 0
        assert values["websocket_log_trimmed_events_total"] == 15


async def test_retention_can_be_changed_by_a_reload() -> None:
    async with running(**keeping()) as one:
        await post(await one.connect(), range(100, 120))
        one.config = msgspec.structs.replace(one.config, **keeping(events=3))
        one.server.reload()
        await trimmed(one, 17)


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
async def test_s5_kill_9_amid_trimming_loses_nothing_that_was_answered(
    tmp_path: Path, redis: RedisServer, kind: str
) -> None:
    place = [str(tmp_path / "ledger.sqlite3")] if kind == "sqlite" else [redis.url, f"test-{uuid4()}"]
    acknowledged = FIRST - 1
    for round_number in range(4):
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - this interpreter; the reads below may block
            [sys.executable, "-m", trimmer.__name__, *place], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert process.stdout is not None
        for _ in range(150 + 77 * round_number):
            acknowledged = int(process.stdout.readline())
        process.kill()
        acknowledged = max(chain([acknowledged], map(int, process.stdout.read().split())))
        process.wait()
        process.stdout.close()
        async with started(log_at(*place)) as engine:
            tail, log_start = engine.offset("account:a"), engine.log_start("account:a")
            held = [offset for offset, _ in await engine.log.read("account:a", 0, 10_000)]
            assert isinstance(engine.state, State)
            assert engine.state.amounts == list(range(FIRST, FIRST + tail)), "each amount once, in order"
            assert FIRST + tail > acknowledged, "answered and forgotten"
            assert held == list(range(log_start + 1, tail + 1)), "no gap after what was removed"
            assert len(await engine.log.answers(0)) == tail
    assert log_start > 0, "nothing was trimmed, so nothing was tried"
