from unittest.mock import patch

from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.errors import InvalidChannel

CLAUSE = "PROTOCOL-036"
WRONG = "confirms that a channel was left which it does not have"
SAYS = "unsubscribe was not refused"

unsubscribe = Requests._unsubscribe


def unsubscribe_anyhow(requests: Requests, caller: Caller, request: Request) -> Outcome:
    try:
        return unsubscribe(requests, caller, request)
    except InvalidChannel:
        return Outcome.of({"status": "unsubscribed"})


def mutate() -> None:
    patch.object(Requests, "_unsubscribe", unsubscribe_anyhow).start()
