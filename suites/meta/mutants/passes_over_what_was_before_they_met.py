from unittest.mock import patch

from bodhisattva.servers.client import Client
from bodhisattva.servers.core.bridges import bearings
from bodhisattva.servers.core.bridges.bearings import Bearings
from bodhisattva.servers.core.log import base

CLAUSE = "DEGRADATION-013"
BESIDES = ("mahavishnu",)
WRONG = "passes over what its source did before the bridge first reached it"
SAYS = "in vain for: 6 workflows take effect"

take = bearings.take


async def take_from_now_on(client: Client, channel: str, stored: base.Position | None) -> Bearings:
    if stored is None:
        return Bearings(await client.head(channel), (), 0, turned_back=False)
    return await take(client, channel, stored)


def mutate() -> None:
    patch.object(bearings, "take", take_from_now_on).start()
