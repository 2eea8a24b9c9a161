from unittest.mock import patch

from bodhisattva.servers.core.connections import requests
from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome

CLAUSE = "PROTOCOL-031"
WRONG = "confirms that a channel was left, and goes on sending from it"
SAYS = "the channel was left and is heard"
ALSO = ("PROTOCOL-034",)


def confirm(_requests: Requests, _caller: Caller, request: Request) -> Outcome:
    return Outcome.of({"status": "unsubscribed", "channel": requests._channel(request)})


def mutate() -> None:
    patch.object(Requests, "_unsubscribe", confirm).start()
