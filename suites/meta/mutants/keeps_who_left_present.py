from unittest.mock import patch

from bodhisattva.servers.core.engine.hub import Hub, Receiver

CLAUSE = "PROTOCOL-034"
WRONG = "lists users who have left a channel among those present"
SAYS = "['ann', 'bob'] == ['ann']"

present = Hub.present


def unsubscribe(hub: Hub, channel: str, receiver: Receiver) -> None:
    """Only silence."""
    hub._members[channel].setdefault(receiver, {})
    original(hub, channel, receiver)


original = Hub.unsubscribe


def mutate() -> None:
    patch.object(Hub, "unsubscribe", unsubscribe).start()
