from unittest.mock import patch

from bodhisattva.servers.client import Client, Position
from bodhisattva.servers.core.bridges import bearings
from bodhisattva.servers.core.bridges.bearings import Bearings
from bodhisattva.servers.core.log import base

CLAUSE = "REPLICAS-021"
WRONG = "takes in a log of another epoch from its beginning, although it knows the events"
SAYS = "not once each, in order"

take = bearings.take


async def take_anew(client: Client, channel: str, stored: base.Position | None) -> Bearings:
    head = await client.head(channel)
    if stored is not None and stored.epoch != head.epoch:
        return Bearings(Position(head.epoch, 0), (), 0, turned_back=True)
    return await take(client, channel, stored)


def mutate() -> None:
    patch.object(bearings, "take", take_anew).start()
