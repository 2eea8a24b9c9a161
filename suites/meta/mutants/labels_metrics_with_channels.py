from unittest.mock import patch

from bodhisattva.servers.core.engine.hub import Hub
from bodhisattva.servers.core.log.base import StoredEvent

CLAUSE = "PROTOCOL-090"
WRONG = "counts events by channel instead of by kind, so that each channel makes a series"
SAYS = "series of a client's making"


def mutate() -> None:
    publish = Hub.publish

    def publish_and_count(hub: Hub, event: StoredEvent) -> None:
        publish(hub, event)
        for channel, _ in event.channels:
            hub._metrics.delivered(channel, 0)

    patch.object(Hub, "publish", publish_and_count).start()
