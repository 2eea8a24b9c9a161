from typing import Any
from unittest.mock import patch

from bodhisattva.servers.client import Client
from bodhisattva.servers.client.subscription import Subscription

CLAUSE = "REPLICAS-022"
WRONG = "takes a log of the epoch that its bridge knows for the one that it knew"
SAYS = "not once each, in order"

subscribe = Client.subscribe


def subscribe_and_resume(client: Client, channel: str, **options: Any) -> Subscription:
    return subscribe(client, channel, **options | {"resume": True})


def mutate() -> None:
    patch.object(Client, "subscribe", subscribe_and_resume).start()
