from unittest.mock import patch

from bodhisattva.servers.client import Event
from bodhisattva.servers.core.bridges.bridge import _Crossing
from bodhisattva.servers.core.domain import Decision, State
from bodhisattva.servers.core.log.base import Position
from bodhisattva.servers.core.service import ForeignEvent

CLAUSE = "CROSS-009"
WRONG = "takes each event in twice once its bridge has had to connect again"
SAYS = "== [24, 24]"

take_in = _Crossing._take_in


async def take_in_twice(crossing: _Crossing, event: Event, position: Position) -> bool:
    if crossing._host._clients[crossing._bridge.source].connections > 1:
        foreign = ForeignEvent(crossing._bridge.source, event.name, event.data, event.timestamp)

        def decide(state: State) -> Decision:
            return crossing._bridge.react(state, foreign, crossing._host.context())

        crossing._engine._submit(decide, None, None, "", lambda _: None)
    return await take_in(crossing, event, position)


def mutate() -> None:
    patch.object(_Crossing, "_take_in", take_in_twice).start()
