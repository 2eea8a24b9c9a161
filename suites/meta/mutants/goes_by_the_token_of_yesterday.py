from unittest.mock import patch

from bodhisattva.servers.core.connections.requests import Caller, Requests, Standard, _channel
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome

CLAUSE = "REPLICAS-043"
WRONG = "subscribes by the token that there was before it looked at the log, though it was renewed meanwhile"
SAYS = "a channel is heard that the new token does not allow"


async def once_caught_up(requests: Requests, standard: Standard, caller: Caller, request: Request) -> Outcome:
    await requests._engine.caught_up(_channel(request))
    outcome = standard(caller, request)
    return outcome if isinstance(outcome, Outcome) else await outcome


def mutate() -> None:
    patch.object(Requests, "_once_caught_up", once_caught_up).start()
