import sqlite3
from pathlib import Path
from unittest.mock import patch

from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log.sqlite import SqliteLog

CLAUSE = "UPGRADE-008"
WRONG = "begins a new epoch after a crash, so that no client can resume"
SAYS = "assert False is True"

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


def mutate() -> None:
    patch.object(SqliteLog, "_identify", identify_after_crash).start()
    patch.object(SqliteLog, "close", close_in_order).start()
