import asyncio
from collections.abc import Coroutine
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import run

CLAUSE = "LIFECYCLE-008"
WRONG = "goes on draining when it is told to stop a second time"
SAYS = "in vain for: the end of"


async def to_the_end(_told: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    await work
    return True


def mutate() -> None:
    patch.object(run, "_unless", to_the_end).start()
