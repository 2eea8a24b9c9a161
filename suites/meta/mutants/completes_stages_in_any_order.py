from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.core.service import Handler
from bodhisattva.servers.mahavishnu import workflows
from bodhisattva.servers.mahavishnu.domain import Stage, State, Workflow
from bodhisattva.servers.mahavishnu.workflows import CompleteStage

CLAUSE = "PROTOCOL-080"
WRONG = "completes a stage before those that come before it"
SAYS = "complete_stage was not refused"

of = Handler.of


def complete_anyhow(state: State, data: CompleteStage, context: Context) -> Decision:
    with patch.object(Workflow, "next_stage", Stage(data.stage_name)):
        return workflows.complete_stage(state, data, context)


def of_mutant(function: Callable[[Any, Any, Context], Any], **about: Any) -> Handler:
    handler = of(function, **about)
    if function is workflows.complete_stage:
        return Handler(handler.name, handler.input_type, complete_anyhow)
    return handler


def mutate() -> None:
    patch.object(Handler, "of", of_mutant).start()
