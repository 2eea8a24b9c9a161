"""Commands that are each durable by themselves, one after the other, before they are answered.

VARIANT: `fsync` writes a line to a file and flushes it; `sqlite` has a transaction for each, in WAL mode, FULL.
"""

import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from aiohttp import WSMsgType, web

from bodhisattva.chaos.bench.baselines.envelope import HOST, port, response

Keep = Callable[[str], object]


def by_fsync(folder: Path) -> Keep:
    file = os.open(folder / "commands", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def keep(text: str) -> None:
        os.write(file, f"{text}\n".encode())
        os.fsync(file)

    return keep


def by_sqlite(folder: Path) -> Keep:
    database = sqlite3.connect(folder / "commands.sqlite3", isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE commands (text TEXT)"):
        database.execute(statement)
    return lambda text: database.execute("INSERT INTO commands VALUES (?)", (text,))


keep = {"fsync": by_fsync, "sqlite": by_sqlite}[sys.argv[3]](Path(sys.argv[2]))


async def handle(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for received in socket:
        if received.type is not WSMsgType.TEXT:
            break
        message = msgspec.json.decode(received.data)
        keep(received.data)
        await socket.send_str(msgspec.json.encode(response(message)).decode())
    return socket


if __name__ == "__main__":
    app = web.Application()
    app.router.add_get("/ws", handle)
    web.run_app(app, host=HOST, port=port(), print=None, backlog=1024)
