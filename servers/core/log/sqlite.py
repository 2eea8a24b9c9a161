"""The embedded log: one SQLite file in WAL mode, one writer thread that commits what is due in one transaction.

`synchronous=FULL` makes SQLite fsync the WAL at each commit, so an append that is done survives kill -9 and power
loss (as far as the disk keeps its word). Appends of one loop turn are handed over together, and those that arrive
while a commit runs share the next one (group commit).
"""

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.log import files
from bodhisattva.servers.core.log.base import (
    Entry,
    LogError,
    LogRefused,
    Position,
    Snapshot,
    StoredAnswer,
    StoredEvent,
    pages,
    within_budget,
)
from bodhisattva.servers.core.log.formats import prepare
from bodhisattva.servers.core.log.positions import keep_position, kept_positions
from bodhisattva.servers.core.log.rows import columns, event, keeps_traces, put_events
from bodhisattva.servers.core.log.trimming import held, keep_snapshot, kept_snapshot, newest, remove

T = TypeVar("T")
_GROUP_LIMIT = 1000
_PAUSE = 1.0  # seconds without an append, after which a WAL that a reader made grow is given back
_Due = list[tuple[Entry, "asyncio.Future[None]"]]
_Job = Callable[[], None]


class SqliteLog:
    """See `base.Log`. window: seconds for which answers are kept."""

    def __init__(self, path: Path, service: str, window: float) -> None:
        self.epoch = ""
        self._stored = 0  # bytes of data, counted by the writer thread
        self._removed = 0  # bytes of data, counted by the loop
        self._path = path
        self._service = service
        self._window = window
        self._gathered: _Due = []  # in this turn of the loop
        self._due: queue.SimpleQueue[_Due | _Job | None] = queue.SimpleQueue()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="log-reader")
        self._writer: threading.Thread | None = None
        self._failed = False
        self._traces = False  # whether any event has one

    @property
    def size(self) -> int:
        return self._stored - self._removed

    async def open(self) -> None:
        """Open or make the file and take its lock; LogRefused gives the reason if it cannot be used."""
        self._loop = asyncio.get_running_loop()
        with ExitStack() as opened:
            opened.callback(os.close, files.lock(self._path))
            try:
                self._database = opened.enter_context(closing(files.connect(self._path)))
                self.epoch = self._identify(self._database)
                self._read_database = opened.enter_context(closing(files.connect(self._path)))
                self._stored = held(self._database)
                self._traces = keeps_traces(self._database)
            except (sqlite3.Error, KeyError, ValueError) as error:
                raise LogRefused(f"{self._path} is not a usable log ({error}); move it away or restore it") from error
            self._opened = opened.pop_all()
        self._writer = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._writer.start()

    def _identify(self, database: sqlite3.Connection) -> str:
        """The log's epoch, after checking that format and service are ours."""
        return prepare(database, self._path, self._service)

    def append(self, entry: Entry) -> "asyncio.Future[None]":
        done: asyncio.Future[None] = self._loop.create_future()
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append((entry, done))
        return done

    def _hand_over(self) -> None:
        """Give the writer what was gathered, so that a commit is of many."""
        if self._gathered:
            self._due.put(self._gathered)
            self._gathered = []

    def _write(self) -> None:
        """The writer thread: entries that are due go into one transaction, then their futures are resolved."""
        item = self._next()
        while item is not None:
            if callable(item):
                item()
                item = self._next()
            else:
                item = self._commit_all(item)

    def _next(self) -> _Due | _Job | None:
        """What is due, waited for; while nothing is, a WAL that has grown is given back."""
        while files.wal_size(self._path) > files.WAL_LIMIT:
            with suppress(queue.Empty):
                return self._due.get(timeout=_PAUSE)
            files.give_back(self._database)
        return self._due.get()

    def _commit_all(self, first: _Due) -> _Due | _Job | None:
        """Commit entries with those that are due after them, and give what comes next."""
        group = list(first)
        while len(group) < _GROUP_LIMIT and not self._due.empty():
            item = self._due.get()
            if item is None or callable(item):
                self._commit(group)
                return item
            group += item
        self._commit(group)
        return self._next()

    def _commit(self, group: _Due) -> None:
        failure = LogError("an earlier append failed") if self._failed else self._try([entry for entry, _ in group])
        self._failed = failure is not None
        self._loop.call_soon_threadsafe(_settle, [done for _, done in group], failure, None)

    def _try(self, entries: list[Entry]) -> LogError | None:
        try:
            with self._database:
                self._store(entries)
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers wait for an answer
            return LogError(f"{type(error).__name__}: {error}")
        events = [event for entry in entries for event in entry.events]
        self._stored += sum(len(bytes(event.data)) for event in events)
        self._traces = self._traces or any(event.trace is not None for event in events)
        return None

    def _store(self, entries: list[Entry]) -> None:
        """Plain INSERTs: an offset that is taken violates a key and fails the transaction."""
        write = self._database.executemany
        events = [event for entry in entries for event in entry.events]
        if events and events[0].seq != (expected := newest(self._database) + 1):
            raise ValueError(f"event {events[0].seq} is not at {expected}")
        put_events(self._database, events)
        answers = [entry.answer for entry in entries if entry.answer is not None]
        write(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
            [(a.user_id, a.request_id, a.at, a.outcome) for a in answers],
        )
        if answers:
            write("DELETE FROM answers WHERE at < ?", [(answers[-1].at - self._window,)])
        for position in (entry.position for entry in entries if entry.position is not None):
            keep_position(self._database, position)

    async def probe(self) -> None:
        await self._perform(_probe)

    async def recover(self) -> None:
        await self.probe()
        self._failed = False

    async def _perform(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Have the writer thread do this between two commits, in a transaction of its own; LogError if it fails."""
        done: asyncio.Future[T] = self._loop.create_future()

        def job() -> None:
            try:
                with self._database:
                    result = work(self._database)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller waits for an answer
                failure = error if isinstance(error, LogError) else LogError(f"{type(error).__name__}: {error}")
                self._loop.call_soon_threadsafe(_settle, [done], failure, None)
            else:
                self._loop.call_soon_threadsafe(_settle, [done], None, result)

        self._hand_over()
        self._due.put(job)
        return await done

    async def replay(self, after: int = 0) -> AsyncIterator[Sequence[StoredEvent]]:
        async for page in pages(self, after):
            yield page

    async def read(self, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]:
        found = columns(traces=self._traces)
        if channel == GLOBAL:
            query = f"SELECT e.seq, {found} FROM events e WHERE e.seq > ? ORDER BY e.seq LIMIT ?"  # noqa: S608
            parameters: tuple[object, ...] = (after, limit)
        else:
            query = (
                f"SELECT c.offset, {found} FROM channel_events c JOIN events e USING (seq) "  # noqa: S608
                "WHERE c.channel = ? AND c.offset > ? ORDER BY c.offset LIMIT ?"
            )
            parameters = (channel, after, limit)
        return await self._read(
            lambda database: within_budget((row[0], event(*row[1:])) for row in database.execute(query, parameters))
        )

    async def answers(self, since: float) -> Sequence[StoredAnswer]:
        query = "SELECT user_id, request_id, at, outcome FROM answers WHERE at >= ?"
        rows = await self._read(lambda database: database.execute(query, (since,)).fetchall())
        return [StoredAnswer(*row) for row in rows]

    async def positions(self) -> Sequence[Position]:
        return await self._read(lambda database: list(kept_positions(database)))

    async def log_starts(self) -> Mapping[str, int]:
        return dict(
            await self._read(lambda database: database.execute("SELECT channel, offset FROM floors").fetchall())
        )

    async def snapshot(self) -> Snapshot | None:
        return await self._read(kept_snapshot)

    async def save(self, snapshot: Snapshot) -> None:
        await self._perform(lambda database: keep_snapshot(database, snapshot))

    async def trim(self, upto: int) -> Mapping[str, int]:
        trimmed = await self._perform(lambda database: remove(database, upto))
        self._removed += trimmed.size
        return trimmed.log_starts

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._loop.run_in_executor(self._reader, work, self._read_database)
        except sqlite3.Error as error:
            raise LogError(str(error)) from error

    async def close(self) -> None:
        """Commit what is due, then let go of the file."""
        if self._writer is None:
            return
        self._hand_over()
        self._due.put(None)
        await asyncio.to_thread(self._writer.join)
        self._reader.shutdown()
        self._opened.close()


def _probe(database: sqlite3.Connection) -> None:
    database.execute("INSERT OR REPLACE INTO meta VALUES ('recovered', datetime())")


def _settle(futures: "Sequence[asyncio.Future[Any]]", failure: LogError | None, result: Any) -> None:
    for future in futures:
        if future.done():
            continue
        if failure is None:
            future.set_result(result)
        else:
            future.set_exception(failure)
