from unittest.mock import patch

from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome

CLAUSE = "PROTOCOL-049"
WRONG = "tells a client that has missed nothing that it cannot go on"
SAYS = "(False, "

subscribe = Requests._subscribe


def subscribe_unless_newest(requests: Requests, caller: Caller, request: Request) -> Outcome:
    answer = subscribe(requests, caller, request).decoded()
    if answer.get("recovered") and answer["offset"] == requests._engine.offset(answer["channel"]):
        answer["recovered"] = False
    return Outcome.of(answer)


def mutate() -> None:
    patch.object(Requests, "_subscribe", subscribe_unless_newest).start()
