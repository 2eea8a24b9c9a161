from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import patch

from bodhisattva.servers.core.transport.outbox import Outbox

CLAUSE = "DEGRADATION-016"
WRONG = "reads as many pages of history as are asked for, and closes whoever cannot take them all at once"
SAYS = "the connection ended Close(code=4008"


@asynccontextmanager
async def at_once(_outbox: Outbox) -> AsyncIterator[None]:
    yield


def mutate() -> None:
    patch.object(Outbox, "one_by_one", at_once).start()
