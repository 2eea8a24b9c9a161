import asyncio
from collections.abc import Sequence
from unittest.mock import patch

from bodhisattva.servers.core import run
from bodhisattva.servers.core.server import Server

CLAUSE = "LIFECYCLE-008"
WRONG = "goes on draining when it is told to stop a second time"
SAYS = "in vain for: the end of"


async def drain_all(servers: Sequence[Server], _stop_now: asyncio.Event) -> None:
    await run._drain_all(servers)


def mutate() -> None:
    patch.object(run, "_drain", drain_all).start()
