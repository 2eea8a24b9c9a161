"""Retention in a log's file: the snapshot that stands for removed events, and their removal.

Each function is to run in a transaction of its caller's.
"""

import sqlite3
from typing import NamedTuple

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.log.base import LogError, Snapshot, channels_decoder
from bodhisattva.servers.core.log.rows import keeps_traces

_offsets_decoder = msgspec.json.Decoder(dict[str, int])


class Trimmed(NamedTuple):
    """size: bytes of the removed events' data. log_starts: those that rose."""

    size: int
    log_starts: dict[str, int]


def held(database: sqlite3.Connection) -> int:
    """Bytes of the data of all events."""
    return int(database.execute("SELECT coalesce(sum(length(data)), 0) FROM events").fetchone()[0])


def newest(database: sqlite3.Connection) -> int:
    """The number of the last event that was stored, also if it was removed since."""
    query = (
        "SELECT coalesce((SELECT max(seq) FROM events), 0), coalesce((SELECT offset FROM floors WHERE channel = ?), 0)"
    )
    return int(max(database.execute(query, (GLOBAL,)).fetchone()))


def kept_snapshot(database: sqlite3.Connection) -> Snapshot | None:
    row = database.execute("SELECT seq, offsets, state FROM snapshot").fetchone()
    return Snapshot(row[0], _offsets_decoder.decode(row[1]), row[2]) if row is not None else None


def keep_snapshot(database: sqlite3.Connection, snapshot: Snapshot) -> None:
    row = (snapshot.seq, msgspec.json.encode(snapshot.offsets), snapshot.state)
    database.execute(
        "INSERT INTO snapshot VALUES (1, ?, ?, ?) ON CONFLICT (only) DO UPDATE "
        "SET seq = excluded.seq, offsets = excluded.offsets, state = excluded.state WHERE excluded.seq >= seq",
        row,
    )


def remove(database: sqlite3.Connection, upto: int) -> Trimmed:
    """Take the events up to the number `upto` away; LogError if no snapshot stands for them."""
    covered = database.execute("SELECT seq FROM snapshot").fetchone()
    if covered is None or covered[0] < upto:
        raise LogError(f"there is no snapshot of the events up to {upto}")
    log_starts: dict[str, int] = {}
    gone: list[tuple[str, int]] = []
    size = 0
    query = "SELECT seq, channels, length(data) FROM events WHERE seq <= ? ORDER BY seq"
    for seq, channels, length in database.execute(query, (upto,)):
        size += length
        log_starts[GLOBAL] = seq
        for channel, offset in channels_decoder.decode(channels):
            log_starts[channel] = offset
            gone.append((channel, offset))
    database.executemany("DELETE FROM channel_events WHERE channel = ? AND offset = ?", gone)
    database.execute("DELETE FROM events WHERE seq <= ?", (upto,))
    if keeps_traces(database):
        database.execute("DELETE FROM traces WHERE seq <= ?", (upto,))
    database.executemany("INSERT OR REPLACE INTO floors VALUES (?, ?)", log_starts.items())
    return Trimmed(size, log_starts)
