from unittest.mock import patch

from bodhisattva.servers.core.engine.hub import Hub

CLAUSE = "PERFORMANCE-001"
WRONG = "sends each event to the first forty of a channel's subscribers only"
SAYS = "in vain for event"
ALSO = ("PERFORMANCE-002",)

MOST = 40

push = Hub._push


def push_to_some(hub: Hub, channel: str, frame: bytes) -> None:
    receivers = hub._receivers[channel]
    hub._receivers[channel] = dict(list(receivers.items())[:MOST])
    push(hub, channel, frame)
    hub._receivers[channel] = receivers


def mutate() -> None:
    patch.object(Hub, "_push", push_to_some).start()
