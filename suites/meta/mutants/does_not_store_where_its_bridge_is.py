from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.log.base import Entry
from bodhisattva.servers.core.log.sqlite import SqliteLog

CLAUSE = "CROSS-008"
WRONG = "does not store how far its bridge has come, so that all of it crosses again after a crash"
SAYS = "== [24, 24]"

store = SqliteLog._store


def store_without_position(log: SqliteLog, entries: list[Entry]) -> None:
    store(log, [replace(entry, position=None) for entry in entries])


def mutate() -> None:
    patch.object(SqliteLog, "_store", store_without_position).start()
