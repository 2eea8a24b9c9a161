from unittest.mock import patch

from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.errors import Unavailable
from bodhisattva.servers.mahavishnu.runner import _Calling

CLAUSE = "DEGRADATION-014"
WRONG = "does nothing for anybody until another service has answered what a stage asks of it"
SAYS = "UNAVAILABLE"

domain = Requests._domain
make = _Calling.make
waiting: set[_Calling] = set()


def domain_unless_waiting(requests: Requests, caller: Caller, request: Request) -> None:
    if waiting:
        raise Unavailable("A stage is under way.")
    domain(requests, caller, request)


async def make_alone(calling: _Calling) -> None:
    waiting.add(calling)
    try:
        await make(calling)
    finally:
        waiting.discard(calling)


def mutate() -> None:
    patch.object(Requests, "_domain", domain_unless_waiting).start()
    patch.object(_Calling, "make", make_alone).start()
