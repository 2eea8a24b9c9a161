"""The calls of a workflow to other services: its remote stages and their compensations.

Each step of a call is recorded before the next one. So a restart, or another replica, goes on with the same deadline
and the same number of attempts.
"""

from datetime import timedelta
from typing import Any, NamedTuple

import msgspec

from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.core.errors import Conflict
from bodhisattva.servers.core.inputs import Id, Name, Text, find
from bodhisattva.servers.mahavishnu.domain import Call, State, Workflow
from bodhisattva.servers.mahavishnu.workflows import ended_early, running, workflow_event


class DueCall(NamedTuple):
    """key: `stage-<index>` or `compensation-<index>`. uncertain: whether the stage may have had no effect."""

    workflow_id: str
    key: str
    stage_index: int
    stage_name: str
    call: Call
    compensates: bool = False
    uncertain: bool = False

    @property
    def request_id(self) -> str:
        """One id for all attempts, so that the other service executes the request once (protocol 1.2)."""
        return f"{self.workflow_id}/{self.key}"


class BeginCall(msgspec.Struct, frozen=True):
    workflow_id: Id
    call: Name


class RecordAttempt(msgspec.Struct, frozen=True):
    workflow_id: Id
    call: Name
    attempt: int
    error: Text


class FailStage(msgspec.Struct, frozen=True):
    """without_effect: whether it is certain that the other service did not execute the request."""

    workflow_id: Id
    stage_index: int
    error: Text
    without_effect: bool


class EndCompensation(msgspec.Struct, frozen=True):
    """error: None if it succeeded."""

    workflow_id: Id
    stage_index: int
    result: Any = None
    error: Text | None = None


def due_call(state: State, workflow_id: str) -> DueCall | None:
    """The call that the workflow has to make now; None if there is none."""
    workflow = state.workflows[workflow_id]
    stage, compensation = workflow.next_stage, workflow.next_compensation
    if stage is not None and stage.call is not None:
        index = len(workflow.results)
        return DueCall(workflow_id, f"stage-{index}", index, stage.name, stage.call)
    if compensation is not None:
        index = compensation.stage_index
        undone = workflow.stages[index]
        assert undone.compensation is not None
        uncertain = index >= len(workflow.results)
        key = f"compensation-{index}"
        return DueCall(workflow_id, key, index, undone.name, undone.compensation, compensates=True, uncertain=uncertain)
    return None


def begin_call(state: State, data: BeginCall, context: Context) -> Decision:
    """Start the call's time, unless it has started before. The answer has its deadline and its failed attempts.

    fresh: whether no attempt can have been made yet.
    """
    workflow, due = _due(state, data.workflow_id, data.call)
    progress = workflow.progress.get(due.key)
    if progress is not None:
        return Decision({**msgspec.to_builtins(progress), "fresh": False})
    deadline = (context.now + timedelta(seconds=due.call.timeout)).isoformat()
    started = {"service": due.call.service, "request": due.call.request, "deadline": deadline}
    event = workflow_event(f"{_kind(due)}_started", workflow.workflow_id, **_about(due), **started)
    return Decision({"deadline": deadline, "attempts": 0, "error": None, "fresh": True}, (event,))


def record_attempt(state: State, data: RecordAttempt, context: Context) -> Decision:
    """Record a failed attempt, unless another replica has recorded one with this number."""
    workflow, due = _due(state, data.workflow_id, data.call)
    attempts = find(workflow.progress, due.key, "call").attempts
    if data.attempt <= attempts:
        return Decision({"attempts": attempts})
    failed = {"attempt": attempts + 1, "error": data.error}
    event = workflow_event(f"{_kind(due)}_attempt_failed", workflow.workflow_id, **_about(due), **failed)
    return Decision({"attempts": attempts + 1}, (event,))


def fail_stage(state: State, data: FailStage, context: Context) -> Decision:
    workflow = running(state, data.workflow_id)
    if len(workflow.results) != data.stage_index:
        raise Conflict("Another stage is due.", field="stage_index", expected=len(workflow.results))
    return ended_early(workflow, data.error, context, without_effect=data.without_effect)


def end_compensation(state: State, data: EndCompensation, context: Context) -> Decision:
    """Record the end of a compensation. The next ones are made whether it succeeded or not."""
    workflow, due = _due(state, data.workflow_id, f"compensation-{data.stage_index}")
    ended = {"result": data.result} if data.error is None else {"error": data.error}
    name = "workflow.compensation_completed" if data.error is None else "workflow.compensation_failed"
    return Decision({}, (workflow_event(name, workflow.workflow_id, **_about(due), **ended),))


def _due(state: State, workflow_id: str, key: str) -> tuple[Workflow, DueCall]:
    workflow = find(state.workflows, workflow_id, "workflow_id")
    due = due_call(state, workflow_id)
    if due is None or due.key != key:
        raise Conflict("Another call is due, or none.", field="call", expected=due and due.key)
    return workflow, due


def _kind(due: DueCall) -> str:
    return "workflow.compensation" if due.compensates else "workflow.stage"


def _about(due: DueCall) -> dict[str, Any]:
    return {"call": due.key, "stage_name": due.stage_name, "stage_index": due.stage_index}
