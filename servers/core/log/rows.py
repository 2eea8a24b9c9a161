"""What a log's file holds, put into it row by row; sqlite3.IntegrityError if it is there already."""

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from bodhisattva.servers.core.log.base import StoredAnswer, StoredEvent


def put_events(database: sqlite3.Connection, events: Sequence[StoredEvent]) -> None:
    database.executemany(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
        [(e.seq, e.id, e.name, e.at, msgspec.json.encode(e.channels), bytes(e.data)) for e in events],
    )
    database.executemany(
        "INSERT INTO channel_events VALUES (?, ?, ?)",
        [(channel, offset, e.seq) for e in events for channel, offset in e.channels],
    )


def put_answer(database: sqlite3.Connection, answer: StoredAnswer) -> None:
    row = (answer.user_id, answer.request_id, answer.at, bytes(answer.outcome))
    database.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", row)


def put_floors(database: sqlite3.Connection, floors: Mapping[str, int]) -> None:
    database.executemany("INSERT INTO floors VALUES (?, ?)", floors.items())
