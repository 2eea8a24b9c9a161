"""One set of tests for the adapters of the log, then what only the file can show: crashes, full disks, locks."""

import asyncio
import resource
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.log import files
from bodhisattva.servers.core.log.base import (
    READ_BYTES,
    Entry,
    LocalLog,
    Log,
    LogError,
    LogRefused,
    Position,
    Snapshot,
    StoredAnswer,
    StoredEvent,
)
from bodhisattva.servers.core.log.memory import MemoryLog
from bodhisattva.servers.core.log.sqlite import SqliteLog
from bodhisattva.servers.tests import writer
from bodhisattva.servers.tests.redis_logs import SoleRedisLog
from bodhisattva.servers.tests.redis_server import RedisServer

Make = Callable[[], LocalLog]
T = TypeVar("T", bound=Log)
CHANNELS = ("account:a", "account:b", "waves")


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.deploy)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """A new log at each call."""
    paths = (tmp_path / f"{number}.sqlite3" for number in range(10**6))
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis")
        return lambda: redis_log(server)
    return MemoryLog if request.param == "memory" else lambda: SqliteLog(next(paths), "ledger", window=1e9)


def redis_log(server: RedisServer, window: float = 1e9) -> SoleRedisLog:
    """A new log in a Redis that holds others."""
    return SoleRedisLog(LogConfig("redis", url=server.url, prefix=f"test-{uuid4()}"), "ledger", window)


@asynccontextmanager
async def opened(log: T) -> AsyncIterator[T]:
    await log.open()
    try:
        yield log
    finally:
        await log.close()


class Numbering:
    """Makes events with the numbers that come next."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self._offsets = dict.fromkeys(CHANNELS, 0)

    def event(self, channels: tuple[str, ...], data: bytes = b"{}") -> StoredEvent:
        for channel in channels:
            self._offsets[channel] += 1
        numbered = tuple((channel, self._offsets[channel]) for channel in channels)
        seq = len(self.events) + 1
        trace = f"00-{seq}-1-01" if seq % 3 == 0 else None
        self.events.append(StoredEvent(seq, f"e{seq}", "posted", f"t{seq}", numbered, msgspec.Raw(data), trace))
        return self.events[-1]

    def mark(self) -> tuple[int, dict[str, int]]:
        return len(self.events), dict(self._offsets)

    def reset(self, mark: tuple[int, dict[str, int]]) -> None:
        """Number again from there."""
        del self.events[mark[0] :]
        self._offsets = dict(mark[1])

    def on(self, channel: str) -> list[tuple[int, StoredEvent]]:
        if channel == "global":
            return [(event.seq, event) for event in self.events]
        return [(offset, event) for event in self.events for name, offset in event.channels if name == channel]


async def everything(log: Log, channel: str, limit: int = 3) -> list[tuple[int, StoredEvent]]:
    """Page through a channel as a reader does."""
    found: list[tuple[int, StoredEvent]] = []
    while page := await log.read(channel, found[-1][0] if found else 0, limit):
        found += page
    return found


ENTRIES = st.lists(
    st.tuples(
        st.lists(st.lists(st.sampled_from(CHANNELS), unique=True, max_size=3).map(tuple), max_size=3),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)
RELAXED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@RELAXED
@given(ENTRIES, st.integers(1, 5))
async def test_s5_what_was_appended_comes_back(
    make: Make, entries: list[tuple[list[tuple[str, ...]], bool, bool]], page: int
) -> None:
    numbering = Numbering()
    answers: list[StoredAnswer] = []
    position: Position | None = None
    async with opened(make()) as log:
        futures = []
        for number, (events, with_answer, with_position) in enumerate(entries):
            answer = StoredAnswer("ada", f"r{number}", float(number), b'{"n":1}') if with_answer else None
            position = Position("source", "E", number) if with_position else position
            made = tuple(numbering.event(channels) for channels in events)
            futures.append(log.append(Entry(made, answer, position)))
            answers += [answer] if answer else []
        await asyncio.gather(*futures)
        for channel in (*CHANNELS, "global"):
            assert await everything(log, channel, page) == numbering.on(channel)
        assert [event async for chunk in log.replay() for event in chunk] == numbering.events
        assert sorted(await log.answers(0.0), key=lambda answer: answer.at) == answers
        assert list(await log.positions()) == ([position] if position else [])


READS = st.tuples(st.sampled_from((*CHANNELS, "global", "nowhere")), st.integers(0, 6), st.integers(1, 4))
# An append of an event on some channels, one at a number that is taken, an answer to a request, recovery,
# a snapshot of all that there is, removal of what lies before some number.
STEPS = st.lists(
    st.one_of(
        st.lists(st.sampled_from(CHANNELS), unique=True).map(tuple),
        st.just("taken"),
        st.integers(1, 3),
        st.sampled_from(["recover", "save", "trim 1", "trim 2", "trim 4"]),
    ),
    max_size=15,
)


@RELAXED
@given(STEPS, st.lists(READS, max_size=5))
@example(["save", "trim 1", "taken", "recover", ("waves",)], [("waves", 0, 9), ("global", 0, 9)])
async def test_the_adapters_answer_alike(
    tmp_path: Path,
    redis: RedisServer,
    steps: list[tuple[str, ...] | str | int],
    reads: list[tuple[str, int, int]],
) -> None:
    with TemporaryDirectory(dir=tmp_path) as folder:
        file = SqliteLog(Path(folder) / "ledger.sqlite3", "ledger", window=1e9)
        expected = await outcomes(MemoryLog(), steps, reads)
        assert await outcomes(file, steps, reads) == expected
    assert await outcomes(redis_log(redis), steps, reads) == expected


async def outcomes(
    log: LocalLog, steps: list[tuple[str, ...] | str | int], reads: list[tuple[str, int, int]]
) -> list[object]:
    """Whether each step was taken, and then all that can be read."""
    numbering, taken = Numbering(), []
    async with opened(log):
        await log.append(Entry((numbering.event(CHANNELS),)))
        for at, step in enumerate(steps):
            taken.append(await _take(log, numbering, step, float(at)))
        kept = await log.snapshot()
        return [
            *taken,
            *[await log.read(*read) for read in reads],
            [event async for chunk in log.replay(kept.seq if kept else 0) for event in chunk],
            sorted(await log.answers(3.0), key=lambda answer: answer.at),
            await log.log_starts(),
            kept,
            log.size,
        ]


async def _take(log: LocalLog, numbering: Numbering, step: tuple[str, ...] | str | int, at: float) -> bool:
    """One step; an event that was not stored gives its numbers back."""
    before = numbering.mark()
    try:
        match step:
            case "recover":
                await log.recover()
            case "save":
                await log.save(Snapshot(len(numbering.events), {"waves": 1}, b"state"))
            case "taken":
                await log.append(Entry((numbering.events[0],)))
            case str():
                await log.trim(int(step.removeprefix("trim")))
            case int():
                await log.append(Entry(answer=StoredAnswer("ada", f"r{at}", at, b"{}" * step)))
            case channels:
                await log.append(Entry((numbering.event(channels),)))
    except LogError:
        numbering.reset(before)
        return False
    return True


async def test_s1_2_answers_are_read_back_from_a_time_on(make: Make) -> None:
    async with opened(make()) as log:
        for at in (10.0, 20.0, 30.0):
            await log.append(Entry(answer=StoredAnswer("ada", f"r{at}", at, b"{}")))
        assert {answer.at for answer in await log.answers(20.0)} == {20.0, 30.0}


async def test_an_offset_that_is_taken_is_refused_and_stores_nothing(make: Make) -> None:
    async with opened(make()) as log:
        await log.append(writer.entry(1))
        with pytest.raises(LogError):
            await log.append(writer.entry(1))
        await log.recover()
        assert len(await everything(log, "global")) == 1
        await log.append(writer.entry(2))
        assert [offset for offset, _ in await everything(log, "account:a")] == [1, 2]


async def test_appends_end_in_the_order_in_which_they_were_made(make: Make) -> None:
    async with opened(make()) as log:
        ended: list[int] = []
        futures = [log.append(writer.entry(number)) for number in range(1, 101)]
        for number, future in enumerate(futures, 1):
            future.add_done_callback(lambda _, number=number: ended.append(number))  # type: ignore[misc]
        await asyncio.gather(*futures)
        await asyncio.sleep(0)
        assert ended == list(range(1, 101))


async def test_a_page_of_large_events_is_bounded_by_bytes(make: Make) -> None:
    large = b'"%s"' % (b"x" * (READ_BYTES // 2))
    numbering = Numbering()
    async with opened(make()) as log:
        for _ in range(5):
            await log.append(Entry((numbering.event(("waves",), large),)))
        assert len(await log.read("waves", 0, 1000)) == 1
        assert len(await everything(log, "waves", 1000)) == 5


async def test_s5_each_new_log_has_its_own_epoch(make: Make) -> None:
    async with opened(make()) as one, opened(make()) as other:
        assert one.epoch
        assert one.epoch != other.epoch


async def test_s5_a_reopened_file_is_the_same_log(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "ledger.sqlite3"
    async with opened(SqliteLog(path, "ledger", 60)) as log:
        epoch = log.epoch
        await log.append(writer.entry(1))
    async with opened(SqliteLog(path, "ledger", 60)) as log:
        assert log.epoch == epoch
        assert [event.id for _, event in await everything(log, "global")] == ["e1"]
        assert list(await log.positions()) == [Position("source", "E", 1)]


async def test_without_traces_a_file_has_no_place_for_them_and_with_them_they_go_with_their_events(
    tmp_path: Path,
) -> None:
    numbering, path = Numbering(), tmp_path / "log.sqlite3"
    async with opened(SqliteLog(path, "ledger", window=1e9)) as log:
        for tables in (0, 0, 1, 1):
            await log.append(Entry((numbering.event(("account:a",)),)))
            assert requested(path, "SELECT count(*) FROM sqlite_master WHERE name = 'traces'") == [(tables,)]
    async with opened(SqliteLog(path, "ledger", window=1e9)) as log:
        assert await everything(log, "global") == numbering.on("global")
        await log.save(Snapshot(3, {"global": 3, "account:a": 3}, b"state"))
        assert requested(path, "SELECT seq, trace FROM traces") == [(3, "00-3-1-01")]
        await log.trim(3)
        assert requested(path, "SELECT seq, trace FROM traces") == []


def requested(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


async def test_s1_2_answers_older_than_the_window_are_removed(tmp_path: Path) -> None:
    async with opened(SqliteLog(tmp_path / "a.sqlite3", "ledger", window=10)) as log:
        for at in (100.0, 109.0, 111.0):
            await log.append(Entry(answer=StoredAnswer("ada", f"r{at}", at, b"{}")))
        assert {answer.at for answer in await log.answers(0.0)} == {109.0, 111.0}


@pytest.mark.parametrize("kills", [5])
async def test_s5_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, kills: int) -> None:
    path = tmp_path / "ledger.sqlite3"
    acknowledged = 0
    for round_number in range(kills):
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - this interpreter; the reads below may block
            [sys.executable, "-m", writer.__name__, str(path)], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert process.stdout is not None
        for _ in range(50 + 37 * round_number):
            acknowledged = int(process.stdout.readline())
        process.kill()
        acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
        process.wait()
        process.stdout.close()
        async with opened(SqliteLog(path, "ledger", 1e9)) as log:
            kept = await everything(log, "account:a", 1000)
            answers, (position,) = await log.answers(0.0), await log.positions()
        assert [offset for offset, _ in kept] == list(range(1, len(kept) + 1)), "no gap, no half of an entry"
        assert len(kept) >= acknowledged
        assert (len(answers), position.offset) == (len(kept), len(kept)), "an entry is there whole or not at all"


async def test_a_full_disk_fails_appends_until_there_is_room_again(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with opened(SqliteLog(tmp_path / "ledger.sqlite3", "ledger", 1e9)) as log:
        await log.append(writer.entry(1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        try:
            for seq in (2, 3):
                with pytest.raises(LogError):
                    await log.append(writer.entry(seq))
            with pytest.raises(LogError):
                await log.recover()
            assert len(await everything(log, "global")) == 1, "reading goes on"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        with pytest.raises(LogError):
            await log.append(writer.entry(2))
        await log.recover()
        await log.append(writer.entry(2))
        assert [event.seq for _, event in await everything(log, "global")] == [1, 2]


async def test_what_cannot_be_stored_fails_its_caller_and_not_the_writer(tmp_path: Path) -> None:
    async with opened(SqliteLog(tmp_path / "ledger.sqlite3", "ledger", 60)) as log:
        with pytest.raises(LogError):
            await log.append(Entry(answer=StoredAnswer("\ud800", "r", 1.0, b"{}")))
        await log.recover()
        await log.append(writer.entry(1))


async def test_s7_a_file_in_use_is_refused_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    async with opened(SqliteLog(path, "ledger", 60)):
        with pytest.raises(LogRefused, match="in use by another process"):
            await SqliteLog(path, "ledger", 60).open()


async def test_s7_another_service_s_file_is_refused_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    async with opened(SqliteLog(path, "ledger", 60)):
        pass
    with pytest.raises(LogRefused, match="is the log of ledger, not of other"):
        await SqliteLog(path, "other", 60).open()


async def test_s7_a_newer_format_is_refused_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    async with opened(SqliteLog(path, "ledger", 60)):
        pass
    database = sqlite3.connect(path)
    with database:
        database.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    database.close()
    with pytest.raises(LogRefused, match="has format 99"):
        await SqliteLog(path, "ledger", 60).open()


async def test_s7_a_file_that_is_no_database_is_refused_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(LogRefused, match="is not a usable log"):
        await SqliteLog(path, "ledger", 60).open()


async def test_s7_an_unwritable_state_folder_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LogRefused, match="cannot be written"):
        await SqliteLog(tmp_path / "file" / "ledger.sqlite3", "ledger", 60).open()


def modes_in(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def test_what_is_stored_is_its_owner_s_alone(tmp_path: Path) -> None:
    async with opened(SqliteLog(tmp_path / "a.sqlite3", "ledger", 600)) as log:
        await log.append(Entry(answer=StoredAnswer("ada", "r", 1.0, b"{}")))
        with closing(files.look(tmp_path / "a.sqlite3")) as database:
            files.copy(database, tmp_path / "copy.sqlite3")
        modes = modes_in(tmp_path)
    assert len(modes) >= 4
    assert set(modes.values()) == {0o600}, modes


async def test_commits_are_flushed_to_the_disk(tmp_path: Path) -> None:
    async with opened(SqliteLog(tmp_path / "ledger.sqlite3", "ledger", 60)) as log:
        assert isinstance(log, SqliteLog)
        mode = log._database.execute("PRAGMA journal_mode").fetchone()
        synchronous = log._database.execute("PRAGMA synchronous").fetchone()
    assert (mode, synchronous) == (("wal",), (2,))
