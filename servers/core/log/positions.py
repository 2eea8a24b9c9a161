"""Bridges' positions in a log's file."""

import sqlite3
from collections.abc import Iterator

import msgspec

from bodhisattva.servers.core.log.base import Mark, Position

_marks_decoder = msgspec.json.Decoder(tuple[Mark, ...])


def keep_position(database: sqlite3.Connection, position: Position) -> None:
    """Instead of the source's earlier one; to run in a transaction of its caller's."""
    database.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?)", position_row(position))


def position_row(position: Position) -> tuple[object, ...]:
    marks = msgspec.json.encode(position.marks)
    return position.source, position.epoch, position.offset, position.at, marks


def kept_positions(database: sqlite3.Connection) -> Iterator[Position]:
    """In order of their sources."""
    query = "SELECT source, epoch, offset, at, marks FROM positions ORDER BY source"
    for source, epoch, offset, at, marks in database.execute(query):
        yield Position(source, epoch, offset, at, _marks_decoder.decode(marks))
