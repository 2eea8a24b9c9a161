from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import envelope

CLAUSE = "PROTOCOL-071"
WRONG = "says in its welcome that whoever has authenticated has not"
SAYS = "it is not said whether anybody is authenticated"

event = envelope.event


def event_of_a_stranger(name: str, data: Any, **options: Any) -> bytes:
    return event(name, data | {"authenticated": False} if name == "session.created" else data, **options)


def mutate() -> None:
    patch.object(envelope, "event", event_of_a_stranger).start()
