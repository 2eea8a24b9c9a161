"""The WAL of a service that writes on: no tool that reads makes it grow for long, and what did grow is given back."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from bodhisattva.servers.core.log import files
from bodhisattva.servers.core.log.sqlite import SqliteLog
from bodhisattva.servers.log_tools import verify
from bodhisattva.servers.log_tools.progress import Progress
from bodhisattva.servers.log_tools.source import reading_apart
from bodhisattva.servers.tests import writer
from bodhisattva.servers.tests.running import until
from bodhisattva.servers.tests.test_cli import MODULE, OPEN, environment
from bodhisattva.servers.tests.test_log_tools import done, tool

LEAST, MORE = 2000, 24000  # events: more lines than a pipe takes, and enough to see a WAL grow
IN_PIPE = 65536 // 5  # numbers that a writer may be ahead by
FEW = 1500  # that fill a WAL more than twice, each in a commit of its own
PINNED = 4 * files.WAL_LIMIT


class Writer:
    """A process that appends to a log and reports each durable append."""

    def __init__(self, path: Path, process: "subprocess.Popen[str]") -> None:
        self.path = path
        self._process = process
        self.newest = 0

    def largest_wal(self, upto: int) -> int:
        """The largest size of the WAL, in bytes, until this many events are stored."""
        largest = 0
        assert self._process.stdout is not None
        while self.newest < upto:
            self.newest = int(self._process.stdout.readline())
            largest = max(largest, files.wal_size(self.path))
        return largest


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    command = [sys.executable, "-m", writer.__name__, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this interpreter
        try:
            yield Writer(path, process)
        finally:
            process.kill()


@contextmanager
def exporting(path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, *MODULE, "log", "export", str(path)]
    with subprocess.Popen(  # noqa: S603 - this interpreter
        command, cwd=path.parent, env=environment(OPEN), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_an_export_that_is_not_read_does_not_hold_the_wal_of_a_service(tmp_path: Path) -> None:
    log = tmp_path / "ledger.sqlite3"
    with writing(log) as writer:
        quiet = writer.largest_wal(LEAST)
        with exporting(log) as export:
            assert export.stdout is not None
            first = export.stdout.readline()
            begun = writer.newest
            slow = writer.largest_wal(begun + MORE)
            lines = first + export.stdout.read()
            assert export.wait() == 0
        assert slow <= 2 * max(quiet, files.WAL_LIMIT), f"{quiet} bytes before"
    done(tmp_path, "import", "-", "copy.sqlite3", given=lines)
    exported = lines.count(b'"line":"event"')
    assert LEAST <= exported <= begun + IN_PIPE, "it is as it was when the export began"


async def test_a_copy_is_of_one_moment_and_does_not_hold_the_wal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    path = tmp_path / "ledger.sqlite3"
    async with opened(path) as log:
        await log.append(writer.entry(1))
        with reading_apart(path) as source:
            assert list(temporary.iterdir()) == [], "nothing is left of the copy, however the tool ends"
            largest = 0
            for seq in range(2, FEW):
                await log.append(writer.entry(seq))
                largest = max(largest, files.wal_size(path))
            assert (source.path, source.count(), source.newest()) == (path, 1, 1)
            assert list(verify.problems(source, None, Progress("verify", "events"))) == []
        assert largest <= 2 * files.WAL_LIMIT
        with reading_apart(path) as source:
            assert source.rows() == 2 * (FEW - 1) + 1, "events, answers, and a position"


async def test_a_copy_without_disk_space_is_refused_and_names_tmpdir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path / "ledger.sqlite3") as log:
        await log.append(writer.entry(1))
    full = shutil.disk_usage(tmp_path)._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: full)
    for command in ("export", "verify"):
        tool(tmp_path, command, "ledger.sqlite3").refused("bytes; name another folder in TMPDIR")


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(path, "ledger", window=1e9)
    await log.open()
    try:
        yield log
    finally:
        await log.close()


@contextmanager
def pinned(path: Path) -> Iterator[None]:
    """A reader that looks at one moment."""
    with closing(files.look(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        yield


@asynccontextmanager
async def grown(path: Path) -> AsyncIterator[SqliteLog]:
    """A log whose WAL a reader made grow that has ended."""
    async with opened(path) as log:
        with pinned(path):
            seq = 0
            while files.wal_size(path) < PINNED:
                seq += 1
                await log.append(writer.entry(seq))
        yield log


async def test_a_grown_wal_is_emptied_when_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    async with grown(path):
        await until(lambda: files.wal_size(path) == 0, "the WAL is given back")


async def test_a_grown_wal_is_emptied_under_constant_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite3"
    monkeypatch.setattr(files, "give_back", lambda _database: pytest.fail("the log was never idle"))
    async with grown(path) as log:
        seq = sum([len(page) async for page in log.replay()])
        await log.append(writer.entry(seq + 1))
        await log.append(writer.entry(seq + 2))
        assert files.wal_size(path) <= files.WAL_LIMIT


async def test_a_long_reader_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    async with grown(path) as log:
        with pinned(path):
            seq = sum([len(page) async for page in log.replay()])
            with closing(files.connect(path)) as another:
                files.give_back(another)
            await log.append(writer.entry(seq + 1))
            assert files.wal_size(path) > files.WAL_LIMIT
