"""A log's file on the disk: its lock, connections to it, and whole copies of it."""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from bodhisattva.servers.core.log.base import LogRefused

_PAGES = 2000  # of a copy's step: the writer waits no longer than for these
_WAIT = 5.0
Copied = Callable[[int, int], None]


def lock(path: Path) -> int:
    """An advisory lock that the kernel lifts when the process ends, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LogRefused(f"the state folder {path.parent} cannot be written ({error.strerror})") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise LogRefused(f"{path} is in use by another process; stop it or choose another state folder") from error
    return descriptor


def connect(path: Path) -> sqlite3.Connection:
    """For the one who holds the lock."""
    database = sqlite3.connect(path, check_same_thread=False, timeout=_WAIT)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        database.close()
        raise
    return database


def look(path: Path) -> sqlite3.Connection:
    """For one who only reads a file that exists, also while its service writes."""
    database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, timeout=_WAIT)
    try:
        database.execute("PRAGMA query_only=ON")
    except sqlite3.Error:
        database.close()
        raise
    return database


def copy(database: sqlite3.Connection, target: Path, copied: Copied | None = None) -> None:
    """A consistent copy of a database that may be in use, which takes its name when it is whole and on the disk.

    copied: told of the pages that are done, and of all that there are. OSError or sqlite3.Error if it cannot be made.
    """
    part = beside(target, "part")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(part)) as made:
            database.backup(
                made, pages=_PAGES, progress=lambda _, left, total: copied(total - left, total) if copied else None
            )
            made.execute("PRAGMA journal_mode=DELETE")
        settle(part, target)
    finally:
        part.unlink(missing_ok=True)


def settle(part: Path, target: Path) -> None:
    """Give a finished file its name, so that a crash leaves the old one or the new one."""
    _sync(part)
    part.replace(target)
    _sync(target.parent)


def beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


def clear_journal(path: Path) -> None:
    """Before another file takes the name: a WAL that is left would be read into it."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=_WAIT)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
