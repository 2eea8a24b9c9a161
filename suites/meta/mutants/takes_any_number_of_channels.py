from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome

CLAUSE = "PROTOCOL-062"
WRONG = "lets a connection subscribe to any number of channels"
SAYS = "subscribe was not refused"

subscribe = Requests._subscribe


def subscribe_without_limit(requests: Requests, caller: Caller, request: Request) -> Outcome:
    limits = replace(requests._policy.limits, channels=1_000_000)
    with patch.object(requests._policy, "limits", limits):
        return subscribe(requests, caller, request)


def mutate() -> None:
    patch.object(Requests, "_subscribe", subscribe_without_limit).start()
