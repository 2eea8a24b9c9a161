"""`bodhisattva log …` as a user runs it: its output, its exit code, and the files afterwards."""

import asyncio
import io
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, chdir, closing, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from bodhisattva.servers.cli import main
from bodhisattva.servers.core.config import Retention
from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.core.engine import retention
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.log import files, rows
from bodhisattva.servers.core.log.base import Position
from bodhisattva.servers.core.log.sqlite import SqliteLog
from bodhisattva.servers.fastblocks.domain import State
from bodhisattva.servers.fastblocks.service import SERVICE
from bodhisattva.servers.log_tools import progress
from bodhisattva.servers.tests.page import commands
from bodhisattva.servers.tests.test_cli import MODULE, OPEN, environment
from bodhisattva.servers.tests.test_core_log_formats import FIRST
from bodhisattva.servers.tests.trimmer import started

EVENTS, KEPT = 30, 12
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@asynccontextmanager
async def fastblocks(path: Path) -> AsyncIterator[Engine]:
    async with started(SqliteLog(path, SERVICE.name, 1e9), SERVICE) as engine:
        yield engine


async def put(engine: Engine, number: int) -> Outcome:
    """Set a place of the state under a request id."""
    answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    data = {"state_path": f"place.{number}", "value": {"é": number}}
    context = Context(datetime.now(UTC), "ada", "c", str, {})
    engine.command(SERVICE.command_handlers["set_state"], data, context, f"r{number}", answered.set_result)
    return await answered


def place(engine: Engine, number: int) -> Any:
    assert isinstance(engine.state, State)
    node = engine.state.tree.find(["place", str(number)])
    return node.value if node is not None else None


@pytest.fixture
async def log(tmp_path: Path) -> Path:
    """A log with a past that was trimmed, answers, a trace, and a position in another service."""
    path = tmp_path / "state" / "fastblocks.sqlite3"
    async with fastblocks(path) as engine:
        for number in range(EVENTS):
            await put(engine, number)
            if number == EVENTS - 4:
                await retention.trim(engine, Retention(events=KEPT - 3))
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        engine.react(lambda _: Decision({}), Position("mahavishnu", "M", 7), answered.set_result)
        await answered
    with closing(sqlite3.connect(path)) as database, database:
        rows.put_traces(database, [(EVENTS, TRACE)])
    return path


PROGRESS = re.compile(r"^\w+: \d+( of \d+)? [\w ]+\n", re.MULTILINE)


class Result(NamedTuple):
    """The exit code and the output of a command."""

    code: object
    output: bytes
    error: str

    @property
    def out(self) -> str:
        return self.output.decode(errors="replace")

    def refused(self, line: str) -> None:
        """One line that holds these words, and exit code 2."""
        assert (self.code, self.error.count("\n"), self.out) == (2, 1, ""), self.error + self.out
        assert line in self.error
        assert self.error.startswith("bodhisattva: ")


def tool(folder: Path, *arguments: object, given: bytes = b"") -> Result:
    """The command in this process, in a folder, with something on standard input."""
    output, error = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with (
        chdir(folder),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(given))),
        redirect_stdout(output),
        redirect_stderr(error),
        pytest.raises(SystemExit) as ended,
    ):
        main(["log", *map(str, arguments)])
    output.flush()
    assert isinstance(output.buffer, io.BytesIO)
    return Result(ended.value.code, output.buffer.getvalue(), error.getvalue())


def spawned(folder: Path, *arguments: object, given: bytes = b"") -> Result:
    """The command in a process of its own."""
    command = [sys.executable, *MODULE, "log", *map(str, arguments)]
    ended = subprocess.run(  # noqa: S603 - this interpreter
        command, cwd=folder, env=environment(OPEN), capture_output=True, input=given, timeout=50, check=False
    )
    return Result(ended.returncode, ended.stdout, ended.stderr.decode())


def done(folder: Path, *arguments: object, given: bytes = b"", how: Callable[..., Result] = tool) -> Result:
    """The command, which has to succeed; on a slow machine it may report its progress."""
    result = how(folder, *arguments, given=given)
    assert (result.code, PROGRESS.sub("", result.error)) == (0, ""), result.error + result.out
    return result


def size(path: Path) -> int:
    return path.stat().st_size


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        assert database.execute(statement).rowcount != 0, "nothing was changed"


def test_a_sound_log_is_reported_as_sound(tmp_path: Path, log: Path) -> None:
    result = done(tmp_path, "verify", "fastblocks")
    assert result.out.startswith(f"state/fastblocks.sqlite3 is sound: fastblocks, format 3, {KEPT} events, epoch ")


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        ("DELETE FROM events WHERE seq = 25", "event 26: it has offset 26 on global, where 25 is due"),
        ("UPDATE events SET data = '{' WHERE seq = 25", "event 25 cannot be decoded"),
        ("UPDATE events SET data = '[]' WHERE seq = 25", "event 25: its data is no JSON object"),
        ("UPDATE events SET at = 'noon' WHERE seq = 25", "event 25: 'noon' is no time"),
        (
            "UPDATE events SET channels = '[[\"state\",99]]' WHERE seq = 30",
            "event 30: it has offset 99 on state, where 30 is due",
        ),
        ("DELETE FROM channel_events WHERE offset = 25", "event 25: state lists nothing at offset 25"),
        ("INSERT INTO channel_events VALUES ('ui:x', 1, 30)", f"list {KEPT + 1} events, and the events give {KEPT}"),
        ("DELETE FROM floors WHERE channel = 'state'", "event 19: it has offset 19 on state, where 1 is due"),
        ("DELETE FROM snapshot", "the events up to 18 are removed, and no snapshot stands for them"),
        ("UPDATE snapshot SET seq = 10", "and the snapshot stands for those up to 10 only"),
        ("UPDATE snapshot SET seq = 99", "the snapshot stands for the events up to 99, and there are none so late"),
        ("UPDATE snapshot SET state = X'C1'", "the snapshot is no state of fastblocks"),
        (
            'UPDATE snapshot SET offsets = \'{"global":27,"state":26}\'',
            "the snapshot has offset 26 of state, which was at 27",
        ),
        ("UPDATE events SET name = 'baked' WHERE seq = 30", "event 30: baked cannot be applied to the state"),
        ("UPDATE answers SET outcome = '7' WHERE request_id = 'r5'", "the answer to r5 of ada cannot be decoded"),
        ("UPDATE positions SET offset = -1", "the position in 'mahavishnu' is none"),
    ],
)
def test_each_problem_is_one_line(tmp_path: Path, log: Path, damage: str, line: str) -> None:
    change(log, damage)
    result = tool(tmp_path, "verify", log)
    assert (result.code, result.error) == (1, "")
    assert any(line in each for each in result.out.splitlines()), result.out
    before = log.read_bytes()
    tool(tmp_path, "compact", log, "--events", 3).refused("is not compacted, since it is damaged: ")
    assert log.read_bytes() == before


def test_a_torn_page_is_a_problem_of_the_database(tmp_path: Path, log: Path) -> None:
    content = bytearray(log.read_bytes())
    content[4096 * 2 : 4096 * 6] = os.urandom(4096 * 4)
    log.write_bytes(content)
    result = tool(tmp_path, "verify", log)
    assert (result.code, result.error) == (1, "")
    assert result.out.startswith("the database: ")
    tool(tmp_path, "compact", log).refused("is not compacted, since it is damaged: the database: ")


async def test_export_and_import_make_the_same_log(tmp_path: Path, log: Path) -> None:
    first = done(tmp_path, "export", "fastblocks", how=spawned)
    assert first.out.count(f'"trace":"{TRACE}"') == first.out.count('"trace"') == 1
    done(tmp_path, "import", "-", "other.sqlite3", given=first.output, how=spawned)
    assert done(tmp_path, "export", "other.sqlite3").output == first.output
    done(tmp_path, "export", log, "-o", "lines")
    assert (tmp_path / "lines").read_bytes() == first.output
    async with fastblocks(log) as engine, fastblocks(tmp_path / "other.sqlite3") as other:
        assert other.log.epoch == engine.log.epoch
        assert other.state == engine.state
        assert other.positions == engine.positions == {"mahavishnu": Position("mahavishnu", "M", 7)}
        assert [other.offset(channel) for channel in ("global", "state")] == [EVENTS, EVENTS]
        assert await other.log.read("state", 0, 99) == await engine.log.read("state", 0, 99)
        assert list(await other.log.answers(0)) == list(await engine.log.answers(0))
        assert (await put(other, 3)).data == (await put(engine, 3)).data
        assert other.offset("global") == EVENTS, "a retry is not executed again"


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda lines: lines[:-1], "the lines are torn off after line"),
        (lambda lines: lines[:5] + lines[6:], "ends 46 rows, and there are 45"),
        (lambda lines: [*lines[:4], b"{nonsense}\n", *lines[5:]], "line 5 is none of a log"),
        (lambda lines: [lines[0], *lines], "does not belong there"),
        (lambda lines: [lines[0].replace(b'"format":1', b'"format":9'), *lines[1:]], "lines of format 1, not 9"),
        (lambda lines: [*lines[:6], lines[5], *lines[6:-1], b'{"line":"end","rows":47}\n'], "line 7 repeats an"),
        (lambda lines: [*lines[:5], *lines[6:-1], b'{"line":"end","rows":45}\n'], "the lines make no sound log: event"),
        (lambda lines: [], "there are no lines of a log"),
    ],
)
def test_lines_that_make_no_log_are_refused_and_leave_nothing(tmp_path: Path, log: Path, spoil: Any, line: str) -> None:
    lines = done(tmp_path, "export", log).output.splitlines(keepends=True)
    assert len(lines) == 48
    (tmp_path / "lines").write_bytes(b"".join(spoil(lines)))
    tool(tmp_path, "import", "lines", "other.sqlite3").refused(line)
    assert [file.name for file in tmp_path.glob("other.sqlite3*")] == []


async def test_compact_applies_the_retention_and_frees_the_disk_space(tmp_path: Path, log: Path) -> None:
    async with fastblocks(log) as engine:
        for number in range(EVENTS, 800):
            await put(engine, number)
    before = size(log)
    (tmp_path / "fleet.yaml").write_text("services: {fastblocks: {log: {retention: {events: 100}}}}")
    result = done(tmp_path, "compact", "fastblocks", "-c", "fleet.yaml", how=spawned)
    assert f"{800 - 18 - 100} events removed, {before} bytes before, {size(log)} after" in result.out
    assert size(log) < before
    assert ": 97 events removed" in done(tmp_path, "compact", log, "--events", 3, how=spawned).out
    assert "sound: fastblocks, format 3, 3 events" in done(tmp_path, "verify", log).out
    async with fastblocks(log) as engine:
        assert [place(engine, number) for number in range(800)] == [{"é": number} for number in range(800)]
        assert (engine.offset("state"), engine.log_start("state")) == (800, 797)


async def test_a_backup_is_whole_while_the_service_writes(tmp_path: Path, log: Path) -> None:
    async with fastblocks(log) as engine:
        stop = asyncio.Event()

        async def write() -> int:
            number = EVENTS
            while not stop.is_set():
                await put(engine, number)
                number += 1
            return number

        writing = asyncio.ensure_future(write())
        result = await asyncio.to_thread(done, tmp_path, "backup", log, "saved.sqlite3", how=spawned)
        stop.set()
        written = await writing
    newest = int(result.out.rpartition(" ")[2])
    assert EVENTS < newest <= written
    assert done(tmp_path, "verify", "saved.sqlite3").code == 0
    async with fastblocks(tmp_path / "saved.sqlite3") as saved:
        assert saved.offset("global") == newest
        assert place(saved, newest - 1) == {"é": newest - 1}
        assert place(saved, newest) is None


async def test_a_restored_backup_has_a_new_epoch(tmp_path: Path, log: Path) -> None:
    async with fastblocks(log) as engine:
        done(tmp_path, "backup", log, "saved.sqlite3")
        epoch = engine.log.epoch
        await put(engine, EVENTS)
    tool(tmp_path, "restore", "saved.sqlite3", "fastblocks").refused("exists; --force overwrites it")
    done(tmp_path, "restore", "saved.sqlite3", "fastblocks", "--force")
    async with fastblocks(log) as engine:
        assert (engine.offset("state"), place(engine, EVENTS)) == (EVENTS, None)
        assert engine.log.epoch != epoch
    done(tmp_path, "restore", "saved.sqlite3", "fastblocks", "--force", "--same-epoch")
    async with fastblocks(log) as engine:
        assert engine.log.epoch == epoch


def test_a_backup_is_written_to_and_read_from_the_standard_streams(tmp_path: Path, log: Path) -> None:
    saved = spawned(tmp_path, "backup", "fastblocks", "-")
    assert (saved.code, saved.error) == (0, f"standard output: up to event {EVENTS}\n")
    before = done(tmp_path, "export", log).output.splitlines()
    shutil.rmtree(log.parent)
    done(tmp_path, "restore", "-", "fastblocks", given=saved.output, how=spawned)
    assert done(tmp_path, "export", log).output.splitlines()[1:] == before[1:], "all but the epoch"


def test_the_guide_s_commands_restore_a_lost_log(tmp_path: Path, log: Path) -> None:
    shown = commands("guide.md", "log restore").replace("akosha", "fastblocks")
    lines = {words[2]: words[2:] for line in shown.splitlines() if (words := shlex.split(line, comments=True))}
    before = done(tmp_path, "export", log).output.splitlines()
    done(tmp_path, *lines["backup"])
    shutil.rmtree(log.parent)
    done(tmp_path, *lines["restore"])
    done(tmp_path, *lines["restore"])
    assert done(tmp_path, "export", log).output.splitlines()[1:] == before[1:], "all but the epoch"


def test_standard_input_has_to_be_a_backup(tmp_path: Path, log: Path) -> None:
    saved = spawned(tmp_path, "backup", "fastblocks", "-").output
    kept = log.read_bytes()
    for given, line in {
        b"": "standard input is empty; give it a backup with <",
        b"no backup, and more than nothing": "standard-input is not the log of a service (file is not a database)",
        saved[: len(saved) // 2]: "standard-input ",
    }.items():
        tool(tmp_path, "restore", "-", "fastblocks", "--force", given=given).refused(line)
        assert log.read_bytes() == kept


def replaced(folder: Path, log: Path) -> None:
    """Put the backup in the log's place without looking at what is there."""
    with files.being_made(log) as part:
        part.write_bytes((folder / "saved.sqlite3").read_bytes())


def restored(folder: Path, log: Path) -> None:
    done(folder, "restore", "saved.sqlite3", log, "--force")


@pytest.mark.parametrize("put_back", [replaced, restored])
async def test_the_journal_of_a_killed_service_is_not_read_into_a_restored_file(
    tmp_path: Path, log: Path, put_back: Callable[[Path, Path], None]
) -> None:
    done(tmp_path, "backup", log, "saved.sqlite3")
    async with fastblocks(log) as engine:
        await put(engine, EVENTS)
        left = {file.name: file.read_bytes() for file in log.parent.iterdir() if not file.name.endswith("-shm")}
    for name, content in left.items():
        log.with_name(name).write_bytes(content)
    put_back(tmp_path, log)
    async with fastblocks(log) as engine:
        assert engine.offset("state") == EVENTS
    assert done(tmp_path, "verify", log).code == 0


async def test_a_file_in_use_is_not_written(tmp_path: Path, log: Path) -> None:
    done(tmp_path, "backup", log, "saved.sqlite3")
    done(tmp_path, "export", log, "-o", "lines")
    async with fastblocks(log):
        for command in (
            ("restore", "saved.sqlite3", log, "--force"),
            ("import", "lines", log, "--force"),
            ("compact", log),
        ):
            spawned(tmp_path, *command).refused("is in use by another process")
        assert done(tmp_path, "verify", log).code == 0


def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path, log: Path) -> None:
    (tmp_path / "text").write_text("no database, and no line of a log, but long enough to look at\n" * 50)
    with closing(sqlite3.connect(tmp_path / "other.sqlite3")) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    os.mkfifo(tmp_path / "pipe")
    done(tmp_path, "backup", log, "saved.sqlite3")
    for command, line in {
        ("verify", "nowhere.sqlite3"): "nowhere.sqlite3: there is no such file",
        ("verify", "akosha"): "state/akosha.sqlite3: there is no such file",
        ("verify", "text"): "text is not the log of a service (file is not a database)",
        ("export", "other.sqlite3"): "other.sqlite3 is not the log of a service",
        ("export", log, "-o", "text"): "text exists; --force overwrites it",
        ("backup", log, "text"): "text exists; --force overwrites it",
        ("backup", log, "state"): "state is a folder; name a file in it",
        ("backup", log, log, "--force"): "are the same file",
        ("backup", log, "nowhere/saved"): "nowhere/saved.part: No such file or directory",
        ("export", log, "-o", "nowhere/lines"): "nowhere/lines.part: No such file or directory",
        ("backup", log, "pipe", "--force"): "pipe is no regular file",
        ("restore", "saved.sqlite3", "pipe", "--force"): "pipe is no regular file",
        ("import", "nowhere", "new.sqlite3"): "nowhere: No such file or directory",
        ("import", "text", log): "exists; --force overwrites it",
        ("restore", "text", "new.sqlite3"): "text is not the log of a service",
        ("restore", "saved.sqlite3", log): "exists; --force overwrites it",
        ("verify", "akosha", "-c", "nowhere.yaml"): "nowhere.yaml: No such file or directory",
    }.items():
        tool(tmp_path, *command).refused(line)


def test_a_damaged_backup_is_not_restored(tmp_path: Path, log: Path) -> None:
    done(tmp_path, "backup", log, "saved.sqlite3")
    change(tmp_path / "saved.sqlite3", "DELETE FROM events WHERE seq = 25")
    before = log.read_bytes()
    tool(tmp_path, "restore", "saved.sqlite3", log, "--force").refused("is not restored, since it is damaged")
    assert log.read_bytes() == before


def test_a_log_does_not_replace_another_service_s(tmp_path: Path, log: Path) -> None:
    done(tmp_path, "backup", log, "saved.backup")
    done(tmp_path, "export", log, "-o", "lines.jsonl")
    for command in (("restore", "saved.backup"), ("import", "lines.jsonl")):
        tool(tmp_path, *command, "akosha").refused("akosha.sqlite3 is for the log of akosha, not of fastblocks")


def test_another_service_s_log_is_not_overwritten(tmp_path: Path, log: Path) -> None:
    done(tmp_path, "backup", log, "saved.sqlite3")
    change(log, "UPDATE meta SET value = 'dhruva' WHERE key = 'service'")
    tool(tmp_path, "restore", "saved.sqlite3", log, "--force").refused("is the log of dhruva, not of fastblocks")


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        (
            "UPDATE meta SET value = '99' WHERE key = 'format'",
            "has format 99, this release reads up to 3; use a newer release",
        ),
        (
            "UPDATE meta SET value = '0' WHERE key = 'format'",
            "has format 0, which there never was; restore it from a backup",
        ),
        (
            "UPDATE meta SET value = '-1' WHERE key = 'format'",
            "has format -1, which there never was; restore it from a backup",
        ),
    ],
)
def test_an_unknown_format_is_refused(tmp_path: Path, log: Path, statement: str, line: str) -> None:
    change(log, statement)
    for command in (
        ("verify", log),
        ("export", log),
        ("compact", log),
        ("backup", log, "saved"),
        ("restore", log, "x"),
    ):
        tool(tmp_path, *command).refused(line)
    assert [file.name for file in log.parent.iterdir() if "format" in file.name] == []


def test_an_earlier_format_can_be_verified_and_exported(tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(old)) as database:
        database.executescript(FIRST)
    result = done(tmp_path, "verify", old).out
    assert "sound: ledger, format 1, 1 events" in result
    assert result.endswith("; its state is not judged, since this release has no service ledger\n")
    lines = done(tmp_path, "export", old).output
    done(tmp_path, "import", "-", "new.sqlite3", given=lines)
    assert "sound: ledger, format 3, 1 events" in done(tmp_path, "verify", "new.sqlite3").out
    assert done(tmp_path, "export", "new.sqlite3").output == lines


def test_long_work_reports_its_progress(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 1.0, 2.5, 3.0, 5.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))
    shown = progress.Progress("verify", "events")
    for number in range(4):
        shown.report(number, 9)
    assert capsys.readouterr().err == "verify: 1 of 9 events\nverify: 3 of 9 events\n"
