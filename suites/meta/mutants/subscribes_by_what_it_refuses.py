from unittest.mock import patch

from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.errors import InvalidData

CLAUSE = "PROTOCOL-029"
WRONG = "refuses a subscription for its offset, and sends the channel's events all the same"
SAYS = "a refused subscription is one"

subscribe = Requests._subscribe


def subscribe_anyhow(requests: Requests, caller: Caller, request: Request) -> Outcome:
    try:
        return subscribe(requests, caller, request)
    except InvalidData:
        caller.follow(requests._readable(request), None)
        raise


def mutate() -> None:
    patch.object(Requests, "_subscribe", subscribe_anyhow).start()
