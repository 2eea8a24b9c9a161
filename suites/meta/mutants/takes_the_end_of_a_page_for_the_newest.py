from unittest.mock import patch

from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome

CLAUSE = "PROTOCOL-033"
WRONG = "names the last offset of a page of the history as the newest of the channel"
SAYS = "is not the newest offset"

history = Requests._history


async def history_to_its_end(requests: Requests, caller: Caller, request: Request) -> Outcome:
    answer = (await history(requests, caller, request)).decoded()
    ends = [event["offset"] for event in answer["events"]] or [answer["offset"]]
    return Outcome.of(answer | {"offset": ends[-1]})


def mutate() -> None:
    patch.object(Requests, "_history", history_to_its_end).start()
