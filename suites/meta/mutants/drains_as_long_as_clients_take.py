import asyncio
from collections.abc import Collection
from unittest.mock import patch

from bodhisattva.servers.core import server
from bodhisattva.servers.core.transport import websocket

CLAUSE = "LIFECYCLE-009"
WRONG = "waits as long as it takes for clients to answer its close"
SAYS = "in vain for: the end of"


async def wait(tasks: "Collection[asyncio.Future[None]]", _until: float) -> None:
    await asyncio.gather(*tasks)


def mutate() -> None:
    patch.object(server, "_wait", wait).start()
    patch.object(websocket, "CLOSE_TIMEOUT", 60.0).start()
