from unittest.mock import patch

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request

CLAUSE = "AUTH-031"
WRONG = "tells a user who may not command what is wrong with the command's data"
SAYS = "INVALID_DATA"

domain = Requests._domain


def domain_of_good_data(requests: Requests, caller: Caller, request: Request) -> None:
    command = requests._policy.service.command_handlers.get(str(request.message.event))
    if command is not None:
        envelope.convert(request.message.data or {}, command.input_type)
    domain(requests, caller, request)


def mutate() -> None:
    patch.object(Requests, "_domain", domain_of_good_data).start()
