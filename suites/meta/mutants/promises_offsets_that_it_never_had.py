from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome

CLAUSE = "PROTOCOL-042"
WRONG = "says that it goes on at an offset that the log has not come to yet"
SAYS = "since {'epoch':"

subscribe = Requests._subscribe


def subscribe_ahead(requests: Requests, caller: Caller, request: Request) -> Outcome:
    outcome = subscribe(requests, caller, request)
    since: Any = (request.message.data or {}).get("since")
    answer = outcome.decoded()
    if since and since["epoch"] == answer.get("epoch") and since["offset"] > answer["offset"]:
        return Outcome.of(answer | {"recovered": True})
    return outcome


def mutate() -> None:
    patch.object(Requests, "_subscribe", subscribe_ahead).start()
