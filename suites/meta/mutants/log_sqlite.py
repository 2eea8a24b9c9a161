"""Servers that are wrong in the log that they keep in their own file."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.engine.local_appender import LocalAppender
from bodhisattva.servers.core.engine.projection import Projection
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log import files, sqlite
from bodhisattva.servers.core.log.base import Entry, LogError, StoredEvent
from bodhisattva.servers.core.log.sqlite import SqliteLog
from bodhisattva.servers.core.log.trimming import Trimmed, remove
from bodhisattva.suites.meta.inject import Inject, mutant

TABLES = ("channel_events", "events")
SECONDS = 2.0


@mutant(
    "PROTOCOL-040",
    wrong="leaves gaps between the offsets of a channel",
    failure="came offsets",
    also=("PROTOCOL-041", "PROTOCOL-043"),
)
def skips_offsets(inject: Inject) -> None:
    reserve = Projection.reserve

    def reserve_two(projection: Projection, channel: str) -> int:
        if channel != GLOBAL:
            reserve(projection, channel)
        return reserve(projection, channel)

    inject(Projection, "reserve", reserve_two)


@mutant(
    "DEGRADATION-021",
    wrong="sends subscribers an event that it could not store",
    failure="events of a refused command",
)
def publishes_events_that_it_could_not_store(inject: Inject) -> None:
    append_ended = LocalAppender._append_ended

    def publish_anyhow(appender: LocalAppender, future: "asyncio.Future[None]") -> None:
        if future.exception() is not None:
            for event in appender._pending[0].prepared.entry.events:
                appender._processor._hub.publish(event)
        append_ended(appender, future)

    inject(LocalAppender, "_append_ended", publish_anyhow)


@mutant(
    "UPGRADE-008",
    wrong="begins a new epoch after a crash, so that no client can resume",
    failure="assert False is True",
)
def begins_a_new_epoch_after_a_crash(inject: Inject) -> None:
    identify = SqliteLog._identify
    close = SqliteLog.close

    def running(log: SqliteLog) -> Path:
        return log._path.with_suffix(".running")

    def identify_after_crash(log: SqliteLog, database: sqlite3.Connection) -> str:
        crashed = running(log).exists()
        running(log).touch()
        epoch = identify(log, database)
        return fresh_id() if crashed else epoch

    async def close_in_order(log: SqliteLog) -> None:
        await close(log)
        running(log).unlink()

    inject(SqliteLog, "_identify", identify_after_crash)
    inject(SqliteLog, "close", close_in_order, required=False)


@mutant(
    "UPGRADE-007",
    wrong="begins a new epoch after an orderly stop, so that no client can resume",
    failure="assert False is True",
)
def begins_a_new_epoch_after_a_stop(inject: Inject) -> None:
    identify = SqliteLog._identify
    close = SqliteLog.close

    def stopped(log: SqliteLog) -> Path:
        return log._path.with_suffix(".stopped")

    def identify_after_stop(log: SqliteLog, database: sqlite3.Connection) -> str:
        epoch = identify(log, database)
        return fresh_id() if stopped(log).exists() else epoch

    async def close_in_order(log: SqliteLog) -> None:
        await close(log)
        stopped(log).touch()

    inject(SqliteLog, "_identify", identify_after_stop)
    inject(SqliteLog, "close", close_in_order)


@mutant(
    "UPGRADE-002",
    wrong="begins a new epoch at each start, so that no client can resume",
    failure="At index 0 diff",
    also=("UPGRADE-003", "UPGRADE-005"),
)
def begins_a_new_epoch_at_each_start(inject: Inject) -> None:
    identify = SqliteLog._identify

    def identify_anew(log: SqliteLog, database: sqlite3.Connection) -> str:
        identify(log, database)
        return fresh_id()

    inject(SqliteLog, "_identify", identify_anew)


@mutant("UPGRADE-001", wrong="gives every log the same epoch", failure="two logs have the same epoch")
def gives_every_log_one_epoch(inject: Inject) -> None:
    identify = SqliteLog._identify

    def identify_as_ever(log: SqliteLog, database: sqlite3.Connection) -> str:
        identify(log, database)
        return "00000000-0000-4000-8000-000000000001"

    inject(SqliteLog, "_identify", identify_as_ever)


@mutant(
    "UPGRADE-006", wrong="writes its log anew at each start, and has nothing if it is killed meanwhile", failure="== [{"
)
def tidies_its_log_at_each_start(inject: Inject) -> None:
    identify = SqliteLog._identify

    def identify_and_tidy(log: SqliteLog, database: sqlite3.Connection) -> str:
        epoch = identify(log, database)
        rows = {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608
        with database:
            for table in TABLES:
                database.execute(f"DELETE FROM {table}")  # noqa: S608
        time.sleep(SECONDS)
        with database:
            for table, held in rows.items():
                if held:
                    marks = ", ".join("?" * len(held[0]))
                    database.executemany(f"INSERT INTO {table} VALUES ({marks})", held)  # noqa: S608
        return epoch

    inject(SqliteLog, "_identify", identify_and_tidy)


@mutant(
    "UPGRADE-004",
    wrong="commits what it answered one commit after what it did, so that a crash in between makes a retry do it again",
    failure="== [0, 1, 2, 3, 4, 5",
)
def commits_answers_after_their_events(inject: Inject) -> None:
    due: list[Entry] = []
    store = SqliteLog._store

    def store_events_first(log: SqliteLog, entries: list[Entry]) -> None:
        store(log, [*due, *(replace(entry, answer=None) for entry in entries)])
        due[:] = [replace(entry, events=(), position=None) for entry in entries]

    inject(SqliteLog, "_store", store_events_first)


@mutant(
    "CROSS-008",
    wrong="does not store how far its bridge has come, so that all of it crosses again after a crash",
    failure="== [24, 24]",
)
def does_not_store_where_its_bridge_is(inject: Inject) -> None:
    store = SqliteLog._store

    def store_without_position(log: SqliteLog, entries: list[Entry]) -> None:
        store(log, [replace(entry, position=None) for entry in entries])

    inject(SqliteLog, "_store", store_without_position)


@mutant(
    "PROTOCOL-033",
    wrong="gives one event of the history more than the limit",
    failure="Left contains one more item",
)
def gives_one_event_too_many(inject: Inject) -> None:
    read = SqliteLog.read

    async def read_one_more(log: SqliteLog, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]:
        return await read(log, channel, after, limit + 1)

    inject(SqliteLog, "read", read_one_more)


@mutant(
    "UPGRADE-003",
    wrong="answers commands at once and commits them when it stops, so that kill -9 takes away what was promised",
    failure="answered and forgotten",
    also=("UPGRADE-005",),
)
def answers_before_commit(inject: Inject) -> None:
    connect = files.connect
    close = SqliteLog.close
    opened: dict[Path, sqlite3.Connection] = {}

    def connect_once(path: Path) -> sqlite3.Connection:
        """One connection for writing and reading, so that what is not committed can be read."""
        return opened.setdefault(path, connect(path))

    def store_only(log: SqliteLog, entries: list[Entry]) -> LogError | None:
        log._store(entries)
        return None

    async def commit_and_close(log: SqliteLog) -> None:
        if log._writer is not None:
            log._due.put(None)
            await asyncio.to_thread(log._writer.join)
            log._database.commit()
        await close(log)

    inject(files, "connect", connect_once)
    inject(SqliteLog, "_try", store_only)
    inject(SqliteLog, "close", commit_and_close, required=False)


@mutant("LIFECYCLE-020", wrong="ends with a traceback if its state folder cannot be one", failure="it ended with 1")
def ends_with_a_traceback_if_its_state_cannot_be_kept(inject: Inject) -> None:
    def lock(path: Path) -> int:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR)

    inject(files, "lock", lock)


@mutant("UPGRADE-021", wrong="removes the newest event together with the oldest ones", failure="offsets up to")
def trims_one_event_too_many(inject: Inject) -> None:
    def remove_and_one_more(database: sqlite3.Connection, upto: int) -> Trimmed:
        trimmed = remove(database, upto)
        database.execute(
            "DELETE FROM channel_events WHERE offset = "
            "(SELECT max(offset) FROM channel_events AS c WHERE c.channel = channel_events.channel)"
        )
        return trimmed

    inject(sqlite, "remove", remove_and_one_more)
