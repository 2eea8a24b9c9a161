"""What a log's file holds, put into it row by row; sqlite3.IntegrityError if it is there already."""

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from bodhisattva.servers.core.log.base import StoredAnswer, StoredEvent, channels_decoder

# Made when there is a trace to keep first; releases that know nothing of it leave it alone.
_TRACES = "CREATE TABLE IF NOT EXISTS traces (seq INTEGER PRIMARY KEY, trace TEXT NOT NULL)"
_COLUMNS = "e.seq, e.id, e.name, e.at, e.channels, e.data"
_TRACED = f"{_COLUMNS}, (SELECT t.trace FROM traces t WHERE t.seq = e.seq)"  # noqa: S608 - our own text


def keeps_traces(database: sqlite3.Connection) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'traces'").fetchone() is not None


def columns(*, traces: bool) -> str:
    """Those of the table `events`, called e, from which `event` makes one."""
    return _TRACED if traces else _COLUMNS


def event(
    seq: int, event_id: str, name: str, at: str, channels: bytes, data: bytes, trace: str | None = None
) -> StoredEvent:
    """msgspec.DecodeError if its channels cannot be read."""
    return StoredEvent(seq, event_id, name, at, channels_decoder.decode(channels), msgspec.Raw(data), trace)


def put_events(database: sqlite3.Connection, events: Sequence[StoredEvent]) -> None:
    database.executemany(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
        [(e.seq, e.id, e.name, e.at, msgspec.json.encode(e.channels), bytes(e.data)) for e in events],
    )
    database.executemany(
        "INSERT INTO channel_events VALUES (?, ?, ?)",
        [(channel, offset, e.seq) for e in events for channel, offset in e.channels],
    )
    if traces := [(e.seq, e.trace) for e in events if e.trace is not None]:
        put_traces(database, traces)


def put_traces(database: sqlite3.Connection, traces: Sequence[tuple[int, str]]) -> None:
    """Each with the number of its event."""
    database.execute(_TRACES)
    database.executemany("INSERT OR REPLACE INTO traces VALUES (?, ?)", traces)


def put_answer(database: sqlite3.Connection, answer: StoredAnswer) -> None:
    row = (answer.user_id, answer.request_id, answer.at, bytes(answer.outcome))
    database.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", row)


def put_log_starts(database: sqlite3.Connection, log_starts: Mapping[str, int]) -> None:
    database.executemany("INSERT INTO floors VALUES (?, ?)", log_starts.items())
