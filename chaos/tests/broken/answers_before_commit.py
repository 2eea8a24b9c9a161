"""Answers a command at once and writes it to disk later: what kill -9 takes away had been promised (contract 5)."""

import asyncio
from unittest.mock import patch

from bodhisattva.servers.cli import main
from bodhisattva.servers.core.log.base import Entry
from bodhisattva.servers.core.log.sqlite import SqliteLog

LATER = 0.5

append = SqliteLog.append


def append_later(log: SqliteLog, entry: Entry) -> "asyncio.Future[None]":
    loop = asyncio.get_running_loop()
    loop.call_later(LATER, append, log, entry)
    done: asyncio.Future[None] = loop.create_future()
    done.set_result(None)
    return done


if __name__ == "__main__":
    with patch.object(SqliteLog, "append", append_later):
        main()
