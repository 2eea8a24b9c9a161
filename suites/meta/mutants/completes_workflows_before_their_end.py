from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.core.service import Handler
from bodhisattva.servers.mahavishnu import workflows
from bodhisattva.servers.mahavishnu.domain import State, Workflow
from bodhisattva.servers.mahavishnu.workflows import CompleteWorkflow

CLAUSE = "PROTOCOL-080"
WRONG = "completes a workflow although stages are still due"
SAYS = "complete_workflow was not refused"

of = Handler.of


def complete_anyhow(state: State, data: CompleteWorkflow, context: Context) -> Decision:
    with patch.object(Workflow, "next_stage", None):
        return workflows.complete_workflow(state, data, context)


def of_mutant(function: Callable[[Any, Any, Context], Any], **about: Any) -> Handler:
    handler = of(function, **about)
    if function is workflows.complete_workflow:
        return Handler(handler.name, handler.input_type, complete_anyhow)
    return handler


def mutate() -> None:
    patch.object(Handler, "of", of_mutant).start()
