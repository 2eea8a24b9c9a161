from contextlib import nullcontext
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.core.errors import ServiceError
from bodhisattva.servers.core.replicas.replica import Replica
from bodhisattva.servers.session_buddy import sessions

CLAUSE = "REPLICAS-006"
WRONG = "looks whether a name is taken when it is asked, and not again when it is its turn to record"
SAYS = "of 4 made the same"

submit = Replica._submit


def take(_held: Any, wanted: str | None, _field: str, context: Context) -> str:
    return wanted or context.new_id()


def submit_looked_at(replica: Replica, decide: Any, *others: Any) -> None:
    try:
        decide(replica.state)
    except ServiceError:
        free = False
    else:
        free = True

    def decide_later(state: Any) -> Decision:
        with patch.object(sessions, "claim_id", take) if free else nullcontext():
            decision: Decision = decide(state)
            return decision

    submit(replica, decide_later, *others)


def mutate() -> None:
    patch.object(Replica, "_submit", submit_looked_at).start()
