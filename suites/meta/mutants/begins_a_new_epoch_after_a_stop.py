import sqlite3
from pathlib import Path
from unittest.mock import patch

from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log.sqlite import SqliteLog

CLAUSE = "UPGRADE-007"
WRONG = "begins a new epoch after an orderly stop, so that no client can resume"
SAYS = "assert False is True"

identify = SqliteLog._identify
close = SqliteLog.close


def stopped(log: SqliteLog) -> Path:
    return log._path.with_suffix(".stopped")


def identify_after_stop(log: SqliteLog, database: sqlite3.Connection) -> str:
    epoch = identify(log, database)
    return fresh_id() if stopped(log).exists() else epoch


async def close_in_order(log: SqliteLog) -> None:
    await close(log)
    stopped(log).touch()


def mutate() -> None:
    patch.object(SqliteLog, "_identify", identify_after_stop).start()
    patch.object(SqliteLog, "close", close_in_order).start()
