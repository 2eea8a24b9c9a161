from unittest.mock import patch

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.engine.hub import Hub

CLAUSE = "PROTOCOL-046"
WRONG = "spares a subscriber of two channels the event on global that it had on its own"
SAYS = "== []"

push = Hub._push


def push_once(hub: Hub, channel: str, frame: bytes) -> None:
    receivers = hub._receivers[channel]
    if channel == GLOBAL:
        hub._receivers[channel] = {
            outbox: receiver
            for outbox, receiver in receivers.items()
            if not (isinstance(receiver, Connection) and receiver.channels - {GLOBAL})
        }
    push(hub, channel, frame)
    hub._receivers[channel] = receivers


def mutate() -> None:
    patch.object(Hub, "_push", push_once).start()
