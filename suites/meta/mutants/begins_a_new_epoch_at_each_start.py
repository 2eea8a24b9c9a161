import sqlite3
from unittest.mock import patch

from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log.sqlite import SqliteLog

CLAUSE = "UPGRADE-002"
WRONG = "begins a new epoch at each start, so that no client can resume"
SAYS = "At index 0 diff"
ALSO = ("UPGRADE-003", "UPGRADE-005")

identify = SqliteLog._identify


def identify_anew(log: SqliteLog, database: sqlite3.Connection) -> str:
    identify(log, database)
    return fresh_id()


def mutate() -> None:
    patch.object(SqliteLog, "_identify", identify_anew).start()
