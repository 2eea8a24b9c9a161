from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.core.service import Handler
from bodhisattva.servers.mahavishnu import calls
from bodhisattva.servers.mahavishnu.calls import BeginCall
from bodhisattva.servers.mahavishnu.domain import State

CLAUSE = "CROSS-012"
WRONG = "gives a stage all of its time again after a crash"
SAYS = "the stage's time began anew"

of = Handler.of
begun: set[str] = set()


def begin_anew(state: State, data: BeginCall, context: Context) -> Decision:
    if data.workflow_id not in begun:
        begun.add(data.workflow_id)
        workflow, due = calls._due(state, data.workflow_id, data.call)
        workflow.progress.pop(due.key, None)
    return calls.begin_call(state, data, context)


def of_mutant(function: Callable[[Any, Any, Context], Any], **about: Any) -> Handler:
    handler = of(function, **about)
    return Handler(handler.name, handler.input_type, begin_anew) if function is calls.begin_call else handler


def mutate() -> None:
    patch.object(Handler, "of", of_mutant).start()
