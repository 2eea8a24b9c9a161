"""Makes a log from JSON lines; it appears only when it is whole and sound."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import singledispatch
from pathlib import Path
from tempfile import TemporaryDirectory

from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.core.log import files, formats, rows
from bodhisattva.servers.core.log.base import StoredAnswer
from bodhisattva.servers.core.log.positions import position_row
from bodhisattva.servers.core.log.trimming import keep_snapshot
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.log_tools import lines, verify
from bodhisattva.servers.log_tools.progress import Progress
from bodhisattva.servers.log_tools.source import Elsewhere, reading
from bodhisattva.servers.log_tools.target import check_free, check_owner, locked


def import_file(source: Path, place: Path | Elsewhere, services: dict[str, Service], *, force: bool) -> int:
    """Import the lines of a file, or of standard input for `-`; return the number of rows."""
    if str(source) == "-":
        return _import(iter(sys.stdin.buffer), place, services, force=force)
    with source.open("rb") as file:
        return _import(iter(file), place, services, force=force)


def _import(text: Iterator[bytes], place: Path | Elsewhere, services: dict[str, Service], *, force: bool) -> int:
    if isinstance(place, Path):
        return import_log(text, place, services, force=force)
    with TemporaryDirectory(prefix="bodhisattva-") as folder:
        path = Path(folder) / "log.sqlite3"
        count = import_log(text, path, services, force=False)
        with reading(path) as made:
            place.check(made.service, force=force)
            place.replace(made, made.epoch)
    return count


def import_log(text: Iterator[bytes], path: Path, services: dict[str, Service], *, force: bool) -> int:
    """Write the lines as a log to `path`; return the number of rows. Refused with what is wrong with lines or path."""
    check_free(path, force=force)
    with locked(path), files.being_made(path) as part:
        read = lines.read(text)
        head = next(read, None)
        if not isinstance(head, lines.Head):
            raise Refused("there are no lines of a log")
        check_owner(path, head.service, services)
        with closing(sqlite3.connect(part)) as database:
            formats.create(database, head.service, head.epoch)
            count = _store_all(database, read)
        _check(part, services.get(head.service))
        return count


def _store_all(database: sqlite3.Connection, read: Iterator[lines.Head | lines.Row]) -> int:
    progress, number = Progress("import", "rows"), 0
    with database:
        for number, row in enumerate(read, 1):
            try:
                _store(row, database)
            except sqlite3.IntegrityError as error:
                raise Refused(f"line {number + 1} repeats an earlier one ({error})") from None
            progress.report(number)
    return number


def _check(part: Path, service: Service | None) -> None:
    with reading(part) as made:
        verify.check_sound(made, service, "the lines make no sound log")


@singledispatch
def _store(row: object, database: sqlite3.Connection) -> None:
    raise TypeError(f"{type(row).__name__} is no row")


@_store.register
def _(row: lines.FloorLine, database: sqlite3.Connection) -> None:
    rows.put_log_starts(database, {row.channel: row.offset})


@_store.register
def _(row: lines.SnapshotLine, database: sqlite3.Connection) -> None:
    keep_snapshot(database, row)


@_store.register
def _(row: lines.EventLine, database: sqlite3.Connection) -> None:
    rows.put_events(database, [row])


@_store.register
def _(row: lines.AnswerLine, database: sqlite3.Connection) -> None:
    rows.put_answer(database, StoredAnswer(row.user_id, row.request_id, row.at, bytes(row.outcome)))


@_store.register
def _(row: lines.PositionLine, database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO positions VALUES (?, ?, ?, ?, ?)", position_row(row))
