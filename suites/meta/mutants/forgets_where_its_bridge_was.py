from unittest.mock import patch

from bodhisattva.servers.client import Client, Position
from bodhisattva.servers.core import bridge
from bodhisattva.servers.core.host import Host
from bodhisattva.servers.core.service import Bridge

CLAUSE = "CROSS-008"
WRONG = "begins its bridge at the newest event, so that what happened in between is lost"
SAYS = "in vain for: the last workflow is captured"


async def start_at_the_end(standing: Bridge, client: Client, _host: Host) -> Position:
    return await client.head(standing.channel)


def mutate() -> None:
    patch.object(bridge, "_start", start_at_the_end).start()
