from typing import Any
from unittest.mock import patch

from bodhisattva.servers.client import Client
from bodhisattva.servers.core.bridges import bearings
from bodhisattva.servers.core.bridges.bearings import Bearings

CLAUSE = "CROSS-008"
WRONG = "begins its bridge at the newest event, so that what happened in between is lost"
SAYS = "in vain for: 24 workflows take effect"


async def start_at_the_end(client: Client, channel: str, _stored: Any) -> Bearings:
    return Bearings(await client.head(channel), (), 0, turned_back=False)


def mutate() -> None:
    patch.object(bearings, "take", start_at_the_end).start()
