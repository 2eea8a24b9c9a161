"""The format of a log's file, and the way from each earlier one to it.

A new file is made in the first format and goes the same way. Files of a later format than this are refused, so a
release never writes what it does not understand.
"""

import sqlite3
from pathlib import Path

import structlog

from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log import files
from bodhisattva.servers.core.log.base import LogRefused

_FIRST = (
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS events (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL,
        channels BLOB NOT NULL, data BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS channel_events (
        channel TEXT NOT NULL, offset INTEGER NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY (channel, offset)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS answers (
        user_id TEXT NOT NULL, request_id TEXT NOT NULL, at REAL NOT NULL, outcome BLOB NOT NULL,
        PRIMARY KEY (user_id, request_id)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS answers_by_age ON answers (at)",
    """CREATE TABLE IF NOT EXISTS positions (
        source TEXT PRIMARY KEY, epoch TEXT NOT NULL, offset INTEGER NOT NULL) WITHOUT ROWID""",
)
# What leads from format n to n + 1, by n.
MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "CREATE TABLE floors (channel TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID",
        """CREATE TABLE snapshot (
            only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, offsets BLOB NOT NULL,
            state BLOB NOT NULL)""",
    ),
    2: (
        "ALTER TABLE positions ADD COLUMN at TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE positions ADD COLUMN marks BLOB NOT NULL DEFAULT '[]'",
    ),
}
FORMAT = 1 + len(MIGRATIONS)


def meta(database: sqlite3.Connection) -> dict[str, str]:
    """What a file declares: format, service, epoch. Empty if it is empty; sqlite3.Error if it is no log."""
    if not database.execute("SELECT 1 FROM sqlite_master").fetchone():
        return {}
    return dict(database.execute("SELECT key, value FROM meta"))


def check(found: dict[str, str], path: Path) -> int:
    """The format of a file that this release can read or migrate; LogRefused if it is a newer one, or none."""
    version = int(found["format"])
    if version < 1:
        raise LogRefused(f"{path} has format {version}, which there never was; restore it from a backup")
    if version > FORMAT:
        raise LogRefused(f"{path} has format {version}, this release reads up to {FORMAT}; use a newer release")
    return version


def prepare(database: sqlite3.Connection, path: Path, service: str) -> str:
    """Make the file a log of the newest format, if it is one of `service` or empty; its epoch."""
    found = meta(database)
    if not found:
        create(database, service, fresh_id())
        return prepare(database, path, service)
    if found["service"] != service:
        raise LogRefused(f"{path} is the log of {found['service']}, not of {service}")
    if (version := check(found, path)) < FORMAT:
        backup = migrate(database, path, version)
        logger = structlog.get_logger(service=service)
        logger.info("log migrated", path=str(path), before=version, after=FORMAT, backup=str(backup))
    return found["epoch"]


def create(database: sqlite3.Connection, service: str, epoch: str) -> None:
    """An empty log of the newest format."""
    first = {"format": str(FORMAT), "service": service, "epoch": epoch}
    _in_one_transaction(database, (*_FIRST, *_steps(1)), tuple(first.items()))


def migrate(database: sqlite3.Connection, path: Path, version: int) -> Path:
    """Bring a file of an earlier format to the newest, in one transaction; the backup made before."""
    backup = free_name(path, version)
    try:
        files.copy(database, backup)
    except (OSError, sqlite3.Error) as error:
        raise LogRefused(f"{path} is not migrated, since no backup can be made beside it ({error})") from error
    _in_one_transaction(database, _steps(version), (("format", str(FORMAT)),))
    return backup


def _steps(version: int) -> tuple[str, ...]:
    return tuple(statement for each in range(version, FORMAT) for statement in MIGRATIONS[each])


def _in_one_transaction(
    database: sqlite3.Connection, statements: tuple[str, ...], fields: tuple[tuple[str, str], ...]
) -> None:
    with database:
        database.execute("BEGIN IMMEDIATE")
        for statement in statements:
            database.execute(statement)
        database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", fields)


def free_name(path: Path, version: int) -> Path:
    """For the backup of a file of this format; an earlier backup is not overwritten."""
    name = files.beside(path, f"format-{version}")
    number = 2
    while name.exists():
        name = files.beside(path, f"format-{version}.{number}")
        number += 1
    return name
