from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.connections.requests import Requests
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.engine.engine import Engine

CLAUSE = "UPGRADE-020"
WRONG = "promises events that retention has removed"
SAYS = "the events after 1 are gone, and yet"

subscribe = Requests._subscribe


def subscribe_anyhow(*arguments: Any) -> Outcome:
    with patch.object(Engine, "floor", return_value=0):
        return subscribe(*arguments)


def mutate() -> None:
    patch.object(Requests, "_subscribe", subscribe_anyhow).start()
