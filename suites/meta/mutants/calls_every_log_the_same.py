import sqlite3
from unittest.mock import patch

from bodhisattva.servers.core.log.sqlite import SqliteLog

CLAUSE = "UPGRADE-001"
WRONG = "gives every log the same epoch"
SAYS = "two logs have the same epoch"

identify = SqliteLog._identify


def identify_as_ever(log: SqliteLog, database: sqlite3.Connection) -> str:
    identify(log, database)
    return "00000000-0000-4000-8000-000000000001"


def mutate() -> None:
    patch.object(SqliteLog, "_identify", identify_as_ever).start()
