from unittest.mock import patch

from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.errors import LimitExceeded

CLAUSE = "PROTOCOL-062"
WRONG = "counts channels that were left towards the limit"
SAYS = "subscribe was refused"

subscribe = Requests._subscribe
joined: dict[str, set[str]] = {}


def subscribe_for_good(requests: Requests, caller: Caller, request: Request) -> Outcome:
    ever = joined.setdefault(caller.connection_id, set())
    channel = requests._readable(request)
    limit = requests._policy.limits.channels
    if channel not in ever and len(ever) >= limit:
        raise LimitExceeded("Too many channels on this connection.", limit=limit)
    outcome = subscribe(requests, caller, request)
    ever.add(channel)
    return outcome


def mutate() -> None:
    patch.object(Requests, "_subscribe", subscribe_for_good).start()
