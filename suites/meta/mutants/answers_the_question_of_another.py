from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.domain import Context
from bodhisattva.servers.core.engine.deduplication import Answer, Outcome
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.service import Handler

CLAUSE = "PERFORMANCE-004"
WRONG = "answers a question that comes while it is writing as it answered the one before"
SAYS = "session_id is"

query = Engine.query
newest: list[Outcome] = []


def query_or_repeat(engine: Engine, handler: Handler, data: dict[str, Any], context: Context, answer: Answer) -> None:
    def keep(outcome: Outcome) -> None:
        newest[:] = [outcome]
        answer(outcome)

    if engine._pending and newest:
        answer(newest[0])
    else:
        query(engine, handler, data, context, keep)


def mutate() -> None:
    patch.object(Engine, "query", query_or_repeat).start()
