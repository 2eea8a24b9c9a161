import asyncio
import sqlite3
from pathlib import Path
from unittest.mock import patch

from bodhisattva.servers.core.log import files
from bodhisattva.servers.core.log.base import Entry, LogError
from bodhisattva.servers.core.log.sqlite import SqliteLog

CLAUSE = "UPGRADE-003"
WRONG = "answers commands at once and commits them when it stops, so that kill -9 takes away what was promised"
SAYS = "answered and forgotten"
ALSO = ("UPGRADE-005",)

connect = files.connect
close = SqliteLog.close
opened: dict[Path, sqlite3.Connection] = {}


def connect_once(path: Path) -> sqlite3.Connection:
    """One connection for writing and reading, so that what is not committed can be read."""
    return opened.setdefault(path, connect(path))


def store_only(log: SqliteLog, entries: list[Entry]) -> LogError | None:
    log._store(entries)
    return None


async def commit_and_close(log: SqliteLog) -> None:
    if log._writer is not None:
        log._due.put(None)
        await asyncio.to_thread(log._writer.join)
        log._database.commit()
    await close(log)


def mutate() -> None:
    patch.object(files, "connect", connect_once).start()
    patch.object(SqliteLog, "_try", store_only).start()
    patch.object(SqliteLog, "close", commit_and_close).start()
