"""The format of a log: an earlier one is brought forward with a backup beside it, a later one is refused."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.log import files, formats
from bodhisattva.servers.core.log.base import LogRefused, Position
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.log.sqlite import SqliteLog
from bodhisattva.servers.tests.ledger import State
from bodhisattva.servers.tests.redis_server import RedisServer
from bodhisattva.servers.tests.test_cli import OPEN, bodhisattva
from bodhisattva.servers.tests.trimmer import started

# A file of the first format, as the release that had it wrote it.
FIRST = """
PRAGMA journal_mode=WAL;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL,
    channels BLOB NOT NULL, data BLOB NOT NULL);
CREATE TABLE channel_events (
    channel TEXT NOT NULL, offset INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (channel, offset)) WITHOUT ROWID;
CREATE TABLE answers (
    user_id TEXT NOT NULL, request_id TEXT NOT NULL, at REAL NOT NULL, outcome BLOB NOT NULL,
    PRIMARY KEY (user_id, request_id)) WITHOUT ROWID;
CREATE INDEX answers_by_age ON answers (at);
CREATE TABLE positions (
    source TEXT PRIMARY KEY, epoch TEXT NOT NULL, offset INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('format', '1'), ('service', 'ledger'), ('epoch', 'E1');
INSERT INTO events VALUES (1, 'e1', 'posted', '2026-01-01T00:00:00+00:00', '[["account:a",1]]',
    '{"account":"a","amount":5}');
INSERT INTO channel_events VALUES ('account:a', 1, 1);
INSERT INTO answers VALUES ('ada', 'r1', 4e9, '{"data":{}}');
INSERT INTO positions VALUES ('source', 'S', 7);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(made)) as database:
        database.executescript(FIRST)
    return made


def output(path: Path) -> dict[str, str]:
    with closing(files.look(path)) as database:
        return formats.meta(database)


def backups(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.glob("*.format-*"))


def log(path: Path) -> SqliteLog:
    return SqliteLog(path, "ledger", 1e9)


async def test_s7_an_earlier_format_is_brought_forward_with_a_backup_beside_it(path: Path) -> None:
    for _ in range(2):
        async with started(log(path)) as engine:
            assert isinstance(engine.state, State)
            assert engine.state.amounts == [5]
            assert engine.log.epoch == "E1"
            assert engine.positions == {"source": Position("source", "S", 7)}
            assert [answer.request_id for answer in await engine.log.answers(0)] == ["r1"]
    assert output(path)["format"] == str(formats.FORMAT)
    assert backups(path) == ["ledger.sqlite3.format-1"], "one backup, of the format that it had"
    backup = path.with_name("ledger.sqlite3.format-1")
    assert (output(backup)["format"], output(backup)["epoch"]) == ("1", "E1")
    with closing(files.look(backup)) as database:
        assert database.execute("SELECT count(*) FROM events").fetchone() == (1,)


async def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(formats, "MIGRATIONS", {1: (*formats.MIGRATIONS[1], "INSERT INTO nowhere VALUES (1)")})
        with pytest.raises(LogRefused, match="is not a usable log"):
            await log(path).open()
    assert output(path)["format"] == "1"
    async with started(log(path)) as engine:
        assert engine.offset("account:a") == 1
    assert backups(path) == ["ledger.sqlite3.format-1", "ledger.sqlite3.format-1.2"]


async def test_nothing_is_migrated_without_a_backup(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_sync", full)
    with pytest.raises(LogRefused, match=r"no backup can be made beside it .*No space left"):
        await log(path).open()
    assert output(path)["format"] == "1"
    assert [file.name for file in path.parent.iterdir() if "format" in file.name or "part" in file.name] == []


def test_s7_a_newer_format_is_refused_in_a_line_and_left_as_it_is(path: Path) -> None:
    state = path.parent / "state"
    state.mkdir()
    newer = path.rename(state / "akosha.sqlite3")
    with closing(sqlite3.connect(newer)) as database, database:
        database.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
        database.execute("UPDATE meta SET value = 'akosha' WHERE key = 'service'")
    before = newer.read_bytes()
    code, line = bodhisattva("serve", "akosha", "--port", "0", folder=path.parent, settings=OPEN)
    assert (code, line) == (
        2,
        f"bodhisattva: state/akosha.sqlite3 has format 99, this release reads up to {formats.FORMAT}; "
        "use a newer release\n",
    )
    assert newer.read_bytes() == before


def written_by_the_first_release(redis: RedisServer, config: LogConfig) -> str:
    """A log in Redis of the first format, of two events; what its keys begin with."""
    base = f"{{{config.prefix}:ledger}}:"
    reported = json.dumps(["posted", "2026-01-01T00:00:00+00:00", [["account:a", 0]]]).replace(" ", "")
    for number in ("1", "2"):
        rest, data = reported.replace(",0]", f",{number}]"), '{"account":"a","amount":%s}' % number  # noqa: UP031
        words = ("i", f"e{number}", "m", quoted(rest), "d", quoted(data))
        assert redis.request("XADD", f"{base}entries", f"{number}-0", *words).startswith("$")
        redis.request("XADD", f"{base}channel:account:a", f"{number}-0", "s", number)
    redis.request("HSET", f"{base}meta", "format", "1", "service", "ledger", "epoch", "E1", "head", "2:e2")
    answer = '{"user_id":"ada","request_id":"r1","at":4e9,"outcome":"eyJkYXRhIjp7fX0="}'
    redis.request("HSET", f"{base}answers", quoted("ada\\x00r1"), quoted(answer))
    redis.request("ZADD", f"{base}ages", "4e9", quoted("ada\\x00r1"))
    redis.request("HSET", f"{base}positions", "source", quoted('{"source":"source","epoch":"S","offset":7}'))
    return base


def quoted(word: str) -> str:
    return '"' + word.replace('"', '\\"') + '"'


async def test_s7_an_earlier_format_in_redis_is_brought_forward_with_a_backup_in_a_file(
    redis: RedisServer, tmp_path: Path
) -> None:
    config = LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}")
    base = written_by_the_first_release(redis, config)
    folder = tmp_path / "state"
    for _ in range(2):
        async with started(RedisLog(config, "ledger", 1e9, folder)) as engine:
            assert isinstance(engine.state, State)
            assert engine.state.amounts == [1, 2]
            assert engine.log.epoch == "E1"
            assert engine.log.size == 2 * len('{"account":"a","amount":1}')
            assert engine.positions == {"source": Position("source", "S", 7)}
            assert [answer.request_id for answer in await engine.log.answers(0)] == ["r1"]
    assert [file.name for file in folder.iterdir()] == ["ledger.redis.format-1"]
    async with started(log(folder / "ledger.redis.format-1")) as backup:
        assert isinstance(backup.state, State)
        assert (backup.log.epoch, backup.state.amounts, backup.offset("account:a")) == ("E1", [1, 2], 2)
        assert backup.positions == {"source": Position("source", "S", 7)}
    assert "2:E1" in redis.answer("HGET", f"{base}meta", "epoch"), "what an earlier release takes for another epoch"


async def test_nothing_in_redis_is_migrated_without_a_backup(redis: RedisServer, tmp_path: Path) -> None:
    config = LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}")
    base = written_by_the_first_release(redis, config)
    (tmp_path / "file").touch()
    with pytest.raises(LogRefused, match="is not migrated, since no backup can be made"):
        await RedisLog(config, "ledger", 1e9, tmp_path / "file" / "state").open()
    assert redis.answer("HGET", f"{base}meta", "format").endswith("\r\n1\r\n")


async def test_a_database_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    other = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(other)) as database, database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(LogRefused, match="is not a usable log"):
        await log(other).open()
    with closing(sqlite3.connect(other)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]
