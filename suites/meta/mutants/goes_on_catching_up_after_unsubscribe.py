from collections.abc import AsyncIterator
from unittest.mock import patch

from bodhisattva.servers.core.connections.catchup import Catchup
from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "PROTOCOL-059"
WRONG = "goes on sending what was missed to a client that has left the channel"
SAYS = "events after the answer to unsubscribe"

unfollow = Connection.unfollow
frames = Catchup.frames


async def all_at_once(catchup: Catchup, channel: str, after: int) -> AsyncIterator[bytes]:
    for frame in [frame async for frame in frames(catchup, channel, after)]:
        yield frame


def unfollow_live(connection: Connection, channel: str) -> None:
    task = connection._catching_up.pop(channel, None)
    unfollow(connection, channel)
    if task is not None:
        connection._catching_up[channel] = task


def mutate() -> None:
    patch.object(Catchup, "frames", all_at_once).start()
    patch.object(Connection, "unfollow", unfollow_live).start()
