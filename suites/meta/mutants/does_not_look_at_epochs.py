from unittest.mock import patch

import msgspec

from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome

CLAUSE = "PROTOCOL-042"
WRONG = "goes on at an offset whatever log it is of"
SAYS = "since {'epoch': 'another'"

subscribe = Requests._subscribe


def subscribe_by_offset(requests: Requests, caller: Caller, request: Request) -> Outcome:
    data = dict(request.message.data or {})
    if "since" in data:
        data["since"] = {**data["since"], "epoch": requests._engine.log.epoch}
    return subscribe(requests, caller, Request(msgspec.structs.replace(request.message, data=data), request.identity))


def mutate() -> None:
    patch.object(Requests, "_subscribe", subscribe_by_offset).start()
