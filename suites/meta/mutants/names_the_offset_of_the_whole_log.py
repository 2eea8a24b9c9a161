from unittest.mock import patch

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome

CLAUSE = "PROTOCOL-030"
WRONG = "confirms a subscription with the offset of the log, not of the channel"
SAYS = "assert ("
ALSO = ("PROTOCOL-040", "PROTOCOL-043")

subscribe = Requests._subscribe


def subscribe_at_the_logs_end(requests: Requests, caller: Caller, request: Request) -> Outcome:
    answer = subscribe(requests, caller, request).decoded()
    if not answer.get("recovered"):
        answer["offset"] = requests._engine.offset(GLOBAL)
    return Outcome.of(answer)


def mutate() -> None:
    patch.object(Requests, "_subscribe", subscribe_at_the_logs_end).start()
