"""Crashes and cuts at any point of a write: what is found is what was acknowledged, and the next step wholly or not.

The log in memory, which does each step at once, shows what that is; what a file's journal or Redis' append-only file
holds at a crash is a beginning of what it holds later, so cutting it off anywhere tries every point of every write.
"""

import shutil
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.log.base import Entry, LocalLog, Log, LogError, Position, Snapshot, StoredAnswer
from bodhisattva.servers.core.log.memory import MemoryLog
from bodhisattva.servers.core.log.sqlite import SqliteLog
from bodhisattva.servers.tests.redis_logs import SoleRedisLog
from bodhisattva.servers.tests.redis_server import RedisServer, redis_server
from bodhisattva.servers.tests.relay import Cut, relay
from bodhisattva.servers.tests.test_core_log import CHANNELS, Numbering, everything, opened

Step = tuple[list[tuple[str, ...]], bool, bool] | Literal["save", "trim"]
EVENTS = st.lists(st.lists(st.sampled_from(CHANNELS), unique=True, max_size=3).map(tuple), max_size=3)
# An entry of some events, an answer and a position, or not; a snapshot of all there is; removal of what it stands for.
STEPS = st.lists(st.tuples(EVENTS, st.booleans(), st.booleans()) | st.sampled_from(["save", "trim"]), min_size=1)
TRIMMED: list[Step] = [([("waves",), ("waves", CHANNELS[0])], True, True), "save", "trim"]
WHERE: st.SearchStrategy[Cut] = st.sampled_from(["before", "after"])
FEW = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


async def perform(log: LocalLog, numbering: Numbering, number: int, step: Step) -> None:
    """LogError if it is not acknowledged."""
    if step == "save":
        newest, offsets = numbering.mark()
        await log.save(Snapshot(newest, offsets, b"state after %d" % number))
    elif step == "trim":
        if (kept := await log.snapshot()) is not None:
            await log.trim(kept.seq)
    else:
        events, answered, positioned = step
        made = tuple(numbering.event(channels, b'{"n":%d}' % number) for channels in events)
        answer = StoredAnswer("ada", f"r{number}", float(number), b'{"n":1}') if answered else None
        await log.append(Entry(made, answer, Position("source", "E", number) if positioned else None))


async def view(log: Log) -> tuple[Any, ...]:
    """All that can be read."""
    kept = await log.snapshot()
    return (
        [await everything(log, channel) for channel in (*CHANNELS, "global")],
        [event async for chunk in log.replay(kept.seq if kept else 0) for event in chunk],
        sorted(await log.answers(0.0), key=lambda answer: answer.at),
        list(await log.positions()),
        dict(await log.log_starts()),
        kept,
        log.size,
    )


async def expected(steps: list[Step]) -> list[tuple[Any, ...]]:
    """What is to be found after none of the steps, after the first, and so on."""
    log, numbering = MemoryLog(), Numbering()
    found = [await view(log)]
    for number, step in enumerate(steps, 1):
        await perform(log, numbering, number, step)
        found.append(await view(log))
    return found


class Grown:
    """How long a file was after each step."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._sizes: list[int] = []

    def note(self) -> None:
        self._sizes.append(self._file.stat().st_size)

    def at(self, place: float) -> tuple[int, int]:
        """Its length in the midst of a step, and how many steps had ended by then; place: 0 to 1, through all steps."""
        step, part = divmod(min(place, 0.999999) * (len(self._sizes) - 1), 1)
        before, after = self._sizes[int(step) : int(step) + 2]
        length = before + round(part * (after - before))
        return length, bisect_right(self._sizes, length) - 1


async def performed(log: LocalLog, steps: list[Step], grown: Grown) -> None:
    grown.note()
    numbering = Numbering()
    for number, step in enumerate(steps, 1):
        await perform(log, numbering, number, step)
        grown.note()


@FEW
@given(STEPS, st.lists(st.floats(0, 1), min_size=1, max_size=5))
@example(TRIMMED, [0.1, 0.2, 0.5, 0.6, 0.8, 0.9])
async def test_s5_a_file_whose_writer_is_killed_anywhere_holds_what_was_acknowledged(
    tmp_path: Path, steps: list[Step], places: list[float]
) -> None:
    wanted = await expected(steps)
    with TemporaryDirectory(dir=tmp_path) as folder:
        path, left = Path(folder) / "a.sqlite3", Path(folder) / "left"
        grown = Grown(journal(path))
        async with opened(SqliteLog(path, "ledger", 1e9)) as log:
            await performed(log, steps, grown)
            left.mkdir()
            shutil.copy(path, left)
            shutil.copy(journal(path), left)
        for number, place in enumerate(places):
            length, ended = grown.at(place)
            crashed = Path(folder) / f"crash-{number}"
            shutil.copytree(left, crashed)
            cut_off(journal(crashed / path.name), length)
            async with opened(SqliteLog(crashed / path.name, "ledger", 1e9)) as found:
                assert await view(found) in wanted[ended : ended + 2]


def journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def cut_off(file: Path, length: int) -> None:
    with file.open("r+b") as opened_file:
        opened_file.truncate(length)


@pytest.fixture(scope="module")
def own() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@FEW
@given(STEPS, st.floats(0, 1))
@example(TRIMMED, 0.1)
@example(TRIMMED, 0.7)
@example(TRIMMED, 0.8)
@example(TRIMMED, 0.9)
async def test_s5_a_redis_that_is_killed_anywhere_holds_what_was_acknowledged(
    own: RedisServer, steps: list[Step], place: float
) -> None:
    wanted = await expected(steps)
    config = LogConfig("redis", url=own.url, prefix=f"test-{uuid4()}")
    grown = Grown(own.written)
    async with opened(SoleRedisLog(config, "ledger", 1e9)) as log:
        await performed(log, steps, grown)
    length, ended = grown.at(place)
    with crashed_at(own, length) as server:
        again = LogConfig("redis", url=server.url, prefix=config.prefix)
        async with opened(SoleRedisLog(again, "ledger", 1e9)) as found:
            assert await view(found) in wanted[ended : ended + 2]


@contextmanager
def crashed_at(server: RedisServer, length: int) -> Iterator[RedisServer]:
    """Another server on what this one had written when the file had this length."""
    saved = server.save()
    cut_off(saved / server.written.relative_to(server.data), length)
    with TemporaryDirectory(prefix="redis-") as folder:
        found = RedisServer(Path(folder))
        found.restore(saved)
        found.start()
        yield found
        found.kill()


@settings(FEW, max_examples=40)
@given(STEPS, st.floats(0, 1), st.integers(1, 6), WHERE)
@example(TRIMMED, 1.0, 5, "before")
@example(TRIMMED, 1.0, 5, "after")
@example(TRIMMED, 1.0, 6, "before")
async def test_s5_a_connection_that_is_cut_anywhere_leaves_the_step_done_or_not(
    redis: RedisServer, steps: list[Step], place: float, requests: int, where: Cut
) -> None:
    """And whoever was cut off finds out which, and goes on."""
    wanted = await expected(steps)
    last = max(1, round(place * len(steps)))
    prefix = f"test-{uuid4()}"
    async with relay(redis.port) as link:
        url = f"redis://127.0.0.1:{link.port}/0"
        async with opened(SoleRedisLog(LogConfig("redis", url=url, prefix=prefix), "ledger", 1e9)) as log:
            numbering, found = Numbering(), []
            for number, step in enumerate(steps[:last], 1):
                if number == last:
                    link.cut(requests, where)
                try:
                    await perform(log, numbering, number, step)
                except LogError:
                    assert link.done, "nothing else is in the way"
                    found = wanted[last - 1 : last + 1]
            link.spare()
            await log.recover()
            assert await view(log) in (found or [wanted[last]])
        async with opened(SoleRedisLog(LogConfig("redis", url=redis.url, prefix=prefix), "ledger", 1e9)) as other:
            assert await view(other) in (found or [wanted[last]])
            held = await everything(other, "global")
            more = Numbering()
            more.events = [*numbering.events[: held[-1][0] if held else (await other.log_starts()).get("global", 0)]]
            await other.append(Entry((more.event(()),)))
