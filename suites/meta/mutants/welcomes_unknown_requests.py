from unittest.mock import patch

from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.errors import UnknownRequest

CLAUSE = "PROTOCOL-024"
WRONG = "answers a request that it does not know as if it had done it"
SAYS = '"type":"response","event":"no_such_request"'

domain = Requests._domain


def do_anything(requests: Requests, caller: Caller, request: Request) -> None:
    try:
        domain(requests, caller, request)
    except UnknownRequest:
        caller.answer(request.message, Outcome.of({}))


def mutate() -> None:
    patch.object(Requests, "_domain", do_anything).start()
