from unittest.mock import patch

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.core.engine.hub import Hub

CLAUSE = "PROTOCOL-047"
WRONG = "sends ephemeral events on global too"
SAYS = "heard twice, or on global"

hear = Hub.hear


def hear_everywhere(hub: Hub, event: Event) -> None:
    hear(hub, Event(event.name, (*event.channels, GLOBAL), event.data))


def mutate() -> None:
    patch.object(Hub, "hear", hear_everywhere).start()
