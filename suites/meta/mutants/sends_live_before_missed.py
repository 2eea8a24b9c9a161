import asyncio
from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.engine.hub import numbered

CLAUSE = "PROTOCOL-043"
WRONG = "lets live events overtake those that a returning client has missed"
SAYS = "came offsets"

follow = Connection.follow
LATE = 0.2


def follow_at_once(connection: Connection, channel: str, after: int | None) -> None:
    newest = connection._engine.offset(channel)
    follow(connection, channel, None)
    if after is not None and after < newest:
        connection._spawn(replay(connection, channel, after, newest))


async def replay(connection: Connection, channel: str, after: int, newest: int) -> None:
    await asyncio.sleep(LATE)
    log = connection._engine.log
    for offset, event in await log.read(channel, after, newest - after):
        connection.push(numbered(event, channel, offset, log.epoch))


def mutate() -> None:
    patch.object(Connection, "follow", follow_at_once).start()
