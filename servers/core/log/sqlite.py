"""The embedded log: one SQLite file in WAL mode, one writer thread that commits what is due in one transaction.

`synchronous=FULL` makes SQLite fsync the WAL at each commit, so an append that is done survives kill -9 and power
loss (as far as the disk keeps its word). Appends that arrive while a commit runs share the next one (group commit).
"""

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

import msgspec

from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log.base import (
    Entry,
    LogError,
    LogRefused,
    Position,
    StoredAnswer,
    StoredEvent,
    within_budget,
)
from bodhisattva.servers.core.service import GLOBAL

T = TypeVar("T")
FORMAT = 1
_REPLAY_CHUNK = 1000
_GROUP_LIMIT = 1000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL,
    channels BLOB NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS channel_events (
    channel TEXT NOT NULL, offset INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (channel, offset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    user_id TEXT NOT NULL, request_id TEXT NOT NULL, at REAL NOT NULL, outcome BLOB NOT NULL,
    PRIMARY KEY (user_id, request_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (at);
CREATE TABLE IF NOT EXISTS positions (
    source TEXT PRIMARY KEY, epoch TEXT NOT NULL, offset INTEGER NOT NULL) WITHOUT ROWID;
"""
_EVENT_COLUMNS = "e.seq, e.id, e.name, e.at, e.channels, e.data"
_Due = tuple[Entry, "asyncio.Future[None]"]
_channels_decoder = msgspec.json.Decoder(tuple[tuple[str, int], ...])


class SqliteLog:
    """See `base.Log`. window: seconds for which answers are kept."""

    def __init__(self, path: Path, service: str, window: float) -> None:
        self.epoch = ""
        self._path = path
        self._service = service
        self._window = window
        self._due: queue.SimpleQueue[_Due | None] = queue.SimpleQueue()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="log-reader")
        self._writer: threading.Thread | None = None
        self._failed = False

    async def open(self) -> None:
        """Open or make the file and take its lock; LogRefused says why it cannot be used."""
        self._loop = asyncio.get_running_loop()
        with ExitStack() as opened:
            opened.callback(os.close, _lock(self._path))
            try:
                self._database = opened.enter_context(closing(_connect(self._path)))
                self._database.executescript(_SCHEMA)
                self.epoch = self._identify(self._database)
                self._read_database = opened.enter_context(closing(_connect(self._path)))
            except (sqlite3.Error, KeyError, ValueError) as error:
                raise LogRefused(f"{self._path} is not a usable log ({error}); move it away or restore it") from error
            self._opened = opened.pop_all()
        self._writer = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._writer.start()

    def _identify(self, database: sqlite3.Connection) -> str:
        """The log's epoch, after checking that format and service are ours."""
        fresh = {"format": str(FORMAT), "service": self._service, "epoch": fresh_id()}
        with database:
            database.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", fresh.items())
        meta = dict(database.execute("SELECT key, value FROM meta"))
        if int(meta["format"]) > FORMAT:
            raise LogRefused(
                f"{self._path} has format {meta['format']}, this release reads up to {FORMAT}; use a newer release"
            )
        if meta["service"] != self._service:
            raise LogRefused(f"{self._path} is the log of {meta['service']}, not of {self._service}")
        return str(meta["epoch"])

    def append(self, entry: Entry) -> "asyncio.Future[None]":
        done: asyncio.Future[None] = self._loop.create_future()
        self._due.put((entry, done))
        return done

    def _write(self) -> None:
        """The writer thread: all that is due goes into one transaction, then its futures are told."""
        while (first := self._due.get()) is not None:
            group = [first]
            ended = False
            while len(group) < _GROUP_LIMIT and not self._due.empty():
                item = self._due.get()
                if item is None:
                    ended = True
                    break
                group.append(item)
            self._commit(group)
            if ended:
                return

    def _commit(self, group: list[_Due]) -> None:
        failure = LogError("an earlier append failed") if self._failed else self._try([entry for entry, _ in group])
        self._failed = failure is not None
        self._loop.call_soon_threadsafe(_settle, [done for _, done in group], failure)

    def _try(self, entries: list[Entry]) -> LogError | None:
        try:
            with self._database:
                self._store(entries)
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers wait for an answer
            return LogError(f"{type(error).__name__}: {error}")
        return None

    def _store(self, entries: list[Entry]) -> None:
        """Plain INSERTs: an offset that is taken violates a key and fails the transaction."""
        write = self._database.executemany
        events = [event for entry in entries for event in entry.events]
        write(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
            [(e.seq, e.id, e.name, e.at, msgspec.json.encode(e.channels), bytes(e.data)) for e in events],
        )
        write(
            "INSERT INTO channel_events VALUES (?, ?, ?)",
            [(channel, offset, e.seq) for e in events for channel, offset in e.channels],
        )
        answers = [entry.answer for entry in entries if entry.answer is not None]
        write(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
            [(a.user_id, a.request_id, a.at, a.outcome) for a in answers],
        )
        if answers:
            write("DELETE FROM answers WHERE at < ?", [(answers[-1].at - self._window,)])
        write(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)",
            [(e.position.source, e.position.epoch, e.position.offset) for e in entries if e.position is not None],
        )

    async def recover(self) -> None:
        """Called when no append is under way, so the writer thread is not at the database."""
        try:
            await asyncio.to_thread(self._probe)
        except sqlite3.Error as error:
            raise LogError(str(error)) from error
        self._failed = False

    def _probe(self) -> None:
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO meta VALUES ('recovered', datetime())")

    async def replay(self) -> AsyncIterator[Sequence[StoredEvent]]:
        after = 0
        while chunk := [event for _, event in await self.read(GLOBAL, after, _REPLAY_CHUNK)]:
            yield chunk
            after = chunk[-1].seq

    async def read(self, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]:
        if channel == GLOBAL:
            query = f"SELECT e.seq, {_EVENT_COLUMNS} FROM events e WHERE e.seq > ? ORDER BY e.seq LIMIT ?"  # noqa: S608
            parameters: tuple[object, ...] = (after, limit)
        else:
            query = (
                f"SELECT c.offset, {_EVENT_COLUMNS} FROM channel_events c JOIN events e USING (seq) "  # noqa: S608
                "WHERE c.channel = ? AND c.offset > ? ORDER BY c.offset LIMIT ?"
            )
            parameters = (channel, after, limit)
        return await self._read(
            lambda database: within_budget((row[0], _event(*row[1:])) for row in database.execute(query, parameters))
        )

    async def answers(self, since: float) -> Sequence[StoredAnswer]:
        query = "SELECT user_id, request_id, at, outcome FROM answers WHERE at >= ?"
        rows = await self._read(lambda database: database.execute(query, (since,)).fetchall())
        return [StoredAnswer(*row) for row in rows]

    async def positions(self) -> Sequence[Position]:
        query = "SELECT source, epoch, offset FROM positions"
        rows = await self._read(lambda database: database.execute(query).fetchall())
        return [Position(*row) for row in rows]

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._loop.run_in_executor(self._reader, work, self._read_database)
        except sqlite3.Error as error:
            raise LogError(str(error)) from error

    async def close(self) -> None:
        """Commit what is due, then let go of the file."""
        if self._writer is None:
            return
        self._due.put(None)
        await asyncio.to_thread(self._writer.join)
        self._reader.shutdown()
        self._opened.close()


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False, timeout=5)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _lock(path: Path) -> int:
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


def _event(seq: int, event_id: str, name: str, at: str, channels: bytes, data: bytes) -> StoredEvent:
    return StoredEvent(seq, event_id, name, at, _channels_decoder.decode(channels), msgspec.Raw(data))


def _settle(futures: "list[asyncio.Future[None]]", failure: LogError | None) -> None:
    for future in futures:
        if future.done():
            continue
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)
