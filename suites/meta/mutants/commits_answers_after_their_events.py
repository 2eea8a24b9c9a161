from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.log.base import Entry
from bodhisattva.servers.core.log.sqlite import SqliteLog

CLAUSE = "UPGRADE-004"
WRONG = "commits what it answered one commit after what it did, so that a crash in between makes a retry do it again"
SAYS = "== [0, 1, 2, 3, 4, 5"

due: list[Entry] = []
store = SqliteLog._store


def store_events_first(log: SqliteLog, entries: list[Entry]) -> None:
    store(log, [*due, *(replace(entry, answer=None) for entry in entries)])
    due[:] = [replace(entry, events=(), position=None) for entry in entries]


def mutate() -> None:
    patch.object(SqliteLog, "_store", store_events_first).start()
