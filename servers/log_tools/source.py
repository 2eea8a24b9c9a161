"""Reads a log's file at one consistent moment, in this format or an earlier one.

While a file is read, its service cannot empty the WAL. So long work reads a copy, by `reading_apart`.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.core.log import files, formats, rows
from bodhisattva.servers.core.log.base import Position, Snapshot, StoredAnswer, StoredEvent
from bodhisattva.servers.core.log.positions import kept_positions
from bodhisattva.servers.core.log.trimming import kept_snapshot, newest
from bodhisattva.servers.log_tools.progress import Progress

_HAS_FLOORS = 2  # the first format with retention
_HAS_MARKS = 3  # the first format with block locators in the positions of bridges


class Damaged(Refused):
    """A row cannot be read; the message names it."""


class Source:
    """The rows of a log's file. service, epoch: from the file. version: of its format."""

    def __init__(self, path: Path, database: sqlite3.Connection, meta: dict[str, str]) -> None:
        self.path = path
        self.database = database
        self.version = formats.check(meta, path)
        self.service = meta["service"]
        self.epoch = meta["epoch"]

    def log_starts(self) -> dict[str, int]:
        if self.version < _HAS_FLOORS:
            return {}
        return dict(self.database.execute("SELECT channel, offset FROM floors ORDER BY channel"))

    def snapshot(self) -> Snapshot | None:
        return kept_snapshot(self.database) if self.version >= _HAS_FLOORS else None

    def count(self) -> int:
        return int(self.database.execute("SELECT count(*) FROM events").fetchone()[0])

    def rows(self) -> int:
        """All that is held: log starts, snapshot, events, answers, positions."""
        old = ("events", "answers", "positions")
        tables = old if self.version < _HAS_FLOORS else (*old, "floors", "snapshot")
        counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in tables)  # noqa: S608 - our own
        return int(self.database.execute(f"SELECT {counts}").fetchone()[0])

    def newest(self) -> int:
        """The number of the last event that was ever stored; 0 if there was none."""
        last = self.database.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
        return newest(self.database) if self.version >= _HAS_FLOORS else int(last)

    def log_start(self) -> int:
        return self.log_starts().get(GLOBAL, 0)

    def events(self) -> Iterator[StoredEvent]:
        found = rows.columns(traces=rows.keeps_traces(self.database))
        for row in self.database.execute(f"SELECT {found} FROM events e ORDER BY e.seq"):  # noqa: S608 - our own
            try:
                event = rows.event(*row)
                if not isinstance(msgspec.json.decode(event.data), dict):
                    raise Damaged(f"event {row[0]}: its data is no JSON object")
                yield event
            except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
                raise Damaged(f"event {row[0]} cannot be decoded ({error})") from error

    def answers(self) -> Iterator[StoredAnswer]:
        query = "SELECT user_id, request_id, at, outcome FROM answers ORDER BY at, user_id, request_id"
        return (StoredAnswer(*row) for row in self.database.execute(query))

    def positions(self) -> Iterator[Position]:
        if self.version >= _HAS_MARKS:
            return kept_positions(self.database)
        query = "SELECT source, epoch, offset FROM positions ORDER BY source"
        return (Position(*row) for row in self.database.execute(query))


class Elsewhere(Protocol):
    """A place for a log other than a file; see `redis_source.RedisSource`."""

    def copied(self, found: list[str] | None = None) -> AbstractContextManager[Path]: ...

    def check(self, service: str, *, force: bool) -> None: ...

    def replace(self, source: "Source", epoch: str) -> None: ...


@contextmanager
def reading(place: Path | Elsewhere, found: list[str] | None = None) -> Iterator[Source]:
    """Read the log at a place, even while its service runs; Refused if this release cannot read it.

    found: gets the problems of the place that its copy does not show.
    """
    if isinstance(place, Path):
        with _reading_file(place) as source:
            yield source
    else:
        with place.copied(found) as path, _reading_file(path) as source:
            yield source


@contextmanager
def reading_apart(place: Path | Elsewhere, found: list[str] | None = None) -> Iterator[Source]:
    """Read a copy of the log if a service may be writing to the file. It is in the folder for temporary files.

    Refused if there is no space for it.
    """
    with reading(place, found) as source:
        if not _may_be_written(source.database):
            yield source
            return
        database = _copied(source)
    with closing(database):
        yield Source(source.path, database, formats.meta(database))


def _may_be_written(database: sqlite3.Connection) -> bool:
    """Whether it is a service's file, and no copy."""
    return bool(database.execute("PRAGMA journal_mode").fetchone()[0] == "wal")


def _copied(source: Source) -> sqlite3.Connection:
    """A copy in a file without a name, so that the system frees it however the tool ends."""
    with TemporaryDirectory(prefix="bodhisattva-") as folder:
        size = source.path.stat().st_size
        if shutil.disk_usage(folder).free < size:
            where = Path(folder).parent
            raise Refused(f"{where} has no room for a copy of {size} bytes; name another folder in TMPDIR")
        copy = Path(folder) / "log.sqlite3"
        files.pour(source.database, copy, Progress("copy", "pages").report)
        database = files.look(copy)
        try:
            database.execute("BEGIN")
            database.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.Error:
            database.close()
            raise
        return database


@contextmanager
def _reading_file(path: Path) -> Iterator[Source]:
    if not path.is_file():
        raise Refused(f"{path}: there is no such file")
    try:
        database = files.look(path)
    except sqlite3.Error as error:
        raise Refused(f"{path} cannot be opened ({error})") from None
    with closing(database):
        try:
            database.execute("BEGIN")
            source = Source(path, database, formats.meta(database))
        except (sqlite3.Error, KeyError, ValueError) as error:
            raise Refused(f"{path} is not the log of a service ({error})") from None
        yield source
