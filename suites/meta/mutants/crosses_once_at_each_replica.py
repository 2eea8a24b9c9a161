from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.engine.deduplication import Answer, Outcome
from bodhisattva.servers.core.host import Host
from bodhisattva.servers.core.log.base import Position
from bodhisattva.servers.core.replicas.replica import Replica

CLAUSE = "REPLICAS-020"
WRONG = "takes a bridge's events in at each replica, which keeps to itself how far it has come"
SAYS = "not once each"

submit = Replica._submit
own: dict[str, Position] = {}


def submit_without_place(
    replica: Replica, decide: Any, key: Any, advance: Any, connection_id: str, answer: Answer
) -> None:
    def note(outcome: Outcome) -> None:
        if advance is not None and outcome.code is None:
            own[advance.position.source] = advance.position
        answer(outcome)

    submit(replica, decide, key, None, connection_id, note)


def position(_: Host, source: str) -> Position | None:
    return own.get(source)


def mutate() -> None:
    patch.object(Replica, "_submit", submit_without_place).start()
    patch.object(Host, "position", position).start()
