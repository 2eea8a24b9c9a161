"""A log's file on the disk: its lock, connections to it, and whole copies of it."""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from bodhisattva.servers.core.log.base import LogRefused

WAL_LIMIT = 4 * 2**20  # bytes; SQLite writes a WAL back from 1000 pages on, which are no more
_PAGES = 2000  # of a copy's step: the writer waits no longer than for these
_WAIT = 5.0
_PRIVATE = 0o600
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
    _make_private(path)
    database = sqlite3.connect(path, check_same_thread=False, timeout=_WAIT)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(f"PRAGMA journal_size_limit={WAL_LIMIT}")
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


def copy(
    database: sqlite3.Connection,
    target: Path,
    copied: Copied = lambda _done, _all: None,
    change: Callable[[sqlite3.Connection], None] = lambda _copy: None,
) -> None:
    """A consistent copy of a database that may be in use, which takes its name when it is whole and on the disk.

    copied: called with the count of pages done, and of all pages. change: made to the copy before it is there.
    OSError or sqlite3.Error if it cannot be made.
    """
    with being_made(target) as part:
        pour(database, part, copied, change)


def pour(
    database: sqlite3.Connection,
    part: Path,
    copied: Copied = lambda _done, _all: None,
    change: Callable[[sqlite3.Connection], None] = lambda _copy: None,
) -> None:
    """`copy` into an empty file, which is not on the disk yet.

    Meanwhile the WAL of the original cannot be written back, so nothing is waited for but reading and writing.
    """
    with closing(sqlite3.connect(part)) as made:
        made.execute("PRAGMA synchronous=OFF")
        with _one_moment(database):
            database.backup(made, pages=_PAGES, progress=lambda _, left, total: copied(total - left, total))
        with made:
            change(made)
        made.execute("PRAGMA journal_mode=DELETE")


def wal_size(path: Path) -> int:
    """Bytes; 0 if there is none."""
    try:
        return _wal(path).stat().st_size
    except OSError:
        return 0


def give_back(database: sqlite3.Connection) -> None:
    """Empty the WAL, unless a reader needs it: that is not waited for."""
    database.execute("PRAGMA busy_timeout=0")
    with suppress(sqlite3.Error):  # a disk that fails shows at the next append
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute(f"PRAGMA busy_timeout={round(_WAIT * 1000)}")


@contextmanager
def being_made(target: Path) -> Iterator[Path]:
    """A name to write a file under; it takes the target's place, old or new after any crash, if nothing fails."""
    part = beside(target, "part")
    part.unlink(missing_ok=True)
    part.touch(_PRIVATE, exist_ok=False)
    try:
        yield part
        _sync(part)
        _clear_journal(target)
        part.replace(target)
        _sync(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _make_private(path: Path) -> None:
    """A new file is its owner's alone: what services know is not for everybody."""
    with suppress(OSError):  # it is there, or sqlite names what is wrong
        path.touch(_PRIVATE, exist_ok=False)


@contextmanager
def _one_moment(database: sqlite3.Connection) -> Iterator[None]:
    """Read it as it is now; what is written meanwhile would make a backup begin anew."""
    begun_here = not database.in_transaction
    if begun_here:
        database.execute("BEGIN")
    try:
        database.execute("SELECT 1 FROM sqlite_master").fetchone()
        yield
    finally:
        if begun_here:
            database.rollback()


def beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _clear_journal(path: Path) -> None:
    """Before another file takes the name: a WAL that is left would be read into it."""
    if not path.exists():
        return
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
