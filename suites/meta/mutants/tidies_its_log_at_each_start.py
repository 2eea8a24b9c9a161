import sqlite3
import time
from unittest.mock import patch

from bodhisattva.servers.core.log.sqlite import SqliteLog

CLAUSE = "UPGRADE-006"
WRONG = "writes its log anew at each start, and has nothing if it is killed meanwhile"
SAYS = "== [{"

identify = SqliteLog._identify
TABLES = ("channel_events", "events")
SECONDS = 2.0


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


def mutate() -> None:
    patch.object(SqliteLog, "_identify", identify_and_tidy).start()
