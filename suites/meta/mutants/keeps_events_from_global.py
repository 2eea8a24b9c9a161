from unittest.mock import patch

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.engine.hub import Hub

CLAUSE = "PROTOCOL-044"
WRONG = "sends every second event on its own channels only, not on global"
SAYS = "came offsets"

push = Hub._push
passed = [0]


def push_by_turns(hub: Hub, channel: str, frame: bytes) -> None:
    passed[0] += channel == GLOBAL
    if channel != GLOBAL or passed[0] % 2:
        push(hub, channel, frame)


def mutate() -> None:
    patch.object(Hub, "_push", push_by_turns).start()
