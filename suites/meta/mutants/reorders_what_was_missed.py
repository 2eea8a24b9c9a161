from collections.abc import AsyncIterator
from unittest.mock import patch

from bodhisattva.servers.core.connections.catchup import Catchup

CLAUSE = "PROTOCOL-041"
WRONG = "sends what a client has missed with the newest event first"
SAYS = "came offsets"
ALSO = ("PROTOCOL-043",)

frames = Catchup.frames


async def newest_first(catchup: Catchup, channel: str, after: int) -> AsyncIterator[bytes]:
    for frame in reversed([frame async for frame in frames(catchup, channel, after)]):
        yield frame


def mutate() -> None:
    patch.object(Catchup, "frames", newest_first).start()
