from collections.abc import AsyncIterator
from unittest.mock import patch

from bodhisattva.servers.core.connections.catchup import Catchup

CLAUSE = "PERFORMANCE-005"
WRONG = "sends a client that comes back no more than a hundred of the events that it has missed"
SAYS = "in vain for event"

MOST = 100
frames = Catchup.frames


async def some_frames(catchup: Catchup, channel: str, after: int) -> AsyncIterator[bytes]:
    sent = 0
    async for frame in frames(catchup, channel, after):
        sent += 1
        if sent > MOST:
            return
        yield frame


def mutate() -> None:
    patch.object(Catchup, "frames", some_frames).start()
