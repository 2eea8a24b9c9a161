"""Workflows: started with their stages, which are completed in order, then completed or failed."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import Conflict, InvalidData, NotFound
from bodhisattva.servers.core.inputs import Id, Name, Paging, Text, claim_id, find, page
from bodhisattva.servers.mahavishnu import references
from bodhisattva.servers.mahavishnu.domain import Call, Compensation, Stage, State, Workflow

MOST_STAGES = 10_000
DEFAULT_STAGE_TIMEOUT = 60.0
# A retry is safe only within the peer's deduplication window (protocol 1.2, by default 10 minutes).
MAX_STAGE_TIMEOUT = 600.0
# These requests change the connection, which all remote stages share.
_CONNECTION_REQUESTS = frozenset({"auth", "refresh_token", "subscribe", "unsubscribe"})


TimeLimit = Annotated[float, msgspec.Meta(gt=0, le=MAX_STAGE_TIMEOUT)]
Attempts = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class CompensationInput(msgspec.Struct, frozen=True):
    """The call that undoes a stage; without `service` it goes to the stage's own service."""

    request: Name
    service: Name | None = None
    data: dict[str, Any] = {}
    timeout: TimeLimit = DEFAULT_STAGE_TIMEOUT
    attempts: Attempts | None = None

    def __post_init__(self) -> None:
        if self.request in _CONNECTION_REQUESTS:
            raise ValueError("A compensation cannot make this request")


class StageInput(msgspec.Struct, frozen=True):
    """A stage; with `service` and `request` it is a call to that service.

    timeout: seconds for all attempts together. attempts: the most that are made; None for as many as the time allows.
    compensation: made if the workflow fails after this stage or is cancelled.
    """

    name: Name
    service: Name | None = None
    request: Name | None = None
    data: dict[str, Any] = {}
    timeout: TimeLimit = DEFAULT_STAGE_TIMEOUT
    attempts: Attempts | None = None
    compensation: CompensationInput | None = None

    def __post_init__(self) -> None:
        if (self.service is None) != (self.request is None):
            raise ValueError("A remote stage names both service and request")
        if self.service is None and (self.data or self.attempts or self.compensation):
            raise ValueError("Only a remote stage takes data, attempts and a compensation")
        if self.request in _CONNECTION_REQUESTS:
            raise ValueError("A remote stage cannot make this request")

    def stage(self) -> Stage:
        if self.service is None:
            return Stage(self.name)
        given = self.compensation
        compensating = None
        if given is not None:
            compensating = Call(given.service or self.service, given.request, given.data, given.timeout, given.attempts)
        return Stage(self.name, self.service, self.request, self.data, self.timeout, self.attempts, compensating)


class StartWorkflow(msgspec.Struct, frozen=True):
    adapter: Name
    prompt: Text
    stages: Annotated[list[Name | StageInput], msgspec.Meta(min_length=1, max_length=MOST_STAGES)]
    workflow_id: Id | None = None


class CompleteStage(msgspec.Struct, frozen=True):
    workflow_id: Id
    stage_name: Name
    result: Any = None


class CompleteWorkflow(msgspec.Struct, frozen=True):
    workflow_id: Id
    result: Any = None


class FailWorkflow(msgspec.Struct, frozen=True):
    workflow_id: Id
    error: Text


class CancelWorkflow(msgspec.Struct, frozen=True):
    workflow_id: Id
    reason: Text = "It is no longer wanted."


class GetWorkflowStatus(msgspec.Struct, frozen=True):
    workflow_id: Id


class ListWorkflows(Paging, frozen=True):
    status: Literal["running", "completed", "failed", "cancelled"] | None = None


def start_workflow(state: State, data: StartWorkflow, context: Context) -> Decision:
    workflow_id = claim_id(state.workflows, data.workflow_id, "workflow_id", context)
    adapter = state.adapters.get(data.adapter)
    if adapter is not None and adapter.health == "unhealthy":
        raise Conflict("The adapter is unhealthy.", field="adapter")
    stages = [Stage(stage) if isinstance(stage, str) else stage.stage() for stage in data.stages]
    if len({stage.name for stage in stages}) < len(stages):
        raise InvalidData("Two stages have the same name.", field="stages")
    references.check(stages)
    event = workflow_event(
        "workflow.started",
        workflow_id,
        adapter=data.adapter,
        prompt=data.prompt,
        total_stages=len(stages),
        stages=msgspec.to_builtins(stages),
        started_by=context.user_id,
        started_at=context.now.isoformat(),
        **({"traceparent": context.traceparent} if context.traceparent is not None else {}),
    )
    answer = {"workflow_id": workflow_id, "status": "running", "total_stages": len(stages)}
    return Decision(answer, (event,))


def complete_stage(state: State, data: CompleteStage, context: Context) -> Decision:
    workflow = running(state, data.workflow_id)
    if all(stage.name != data.stage_name for stage in workflow.stages):
        raise NotFound("The workflow has no such stage.", field="stage_name", value=data.stage_name)
    due = workflow.next_stage
    if due is None or due.name != data.stage_name:
        raise Conflict("Another stage is due.", field="stage_name", expected=due and due.name)
    event = workflow_event(
        "workflow.stage_completed",
        workflow.workflow_id,
        stage_name=due.name,
        stage_index=len(workflow.results),
        result=data.result,
        completed_at=context.now.isoformat(),
    )
    answer = {
        "workflow_id": workflow.workflow_id,
        "stages_completed": len(workflow.results) + 1,
        "total_stages": len(workflow.stages),
    }
    return Decision(answer, (event,))


def complete_workflow(state: State, data: CompleteWorkflow, context: Context) -> Decision:
    workflow = running(state, data.workflow_id)
    due = workflow.next_stage
    if due is not None:
        raise Conflict("A stage is still to be completed.", field="workflow_id", expected=due.name)
    event = workflow_event("workflow.completed", workflow.workflow_id, result=data.result, **_ending(workflow, context))
    return Decision({"workflow_id": workflow.workflow_id, "status": "completed"}, (event,))


def fail_workflow(state: State, data: FailWorkflow, context: Context) -> Decision:
    return ended_early(running(state, data.workflow_id), data.error, context)


def cancel_workflow(state: State, data: CancelWorkflow, context: Context) -> Decision:
    """End the workflow early, with the status cancelled."""
    return ended_early(running(state, data.workflow_id), data.reason, context, cancelled=True)


def ended_early(
    workflow: Workflow, error: str, context: Context, *, cancelled: bool = False, without_effect: bool = False
) -> Decision:
    """End a workflow that has not completed. Its stages are compensated, the last first.

    without_effect: whether the stage under way certainly had no effect; otherwise it is compensated too.
    """
    due = workflow.next_stage
    event = workflow_event(
        "workflow.failed",
        workflow.workflow_id,
        error=error,
        cancelled=cancelled,
        stage_name=due and due.name,
        compensates=_compensated(workflow, without_effect=without_effect),
        **_ending(workflow, context),
    )
    status = "cancelled" if cancelled else "failed"
    answer = {"workflow_id": workflow.workflow_id, "status": status, "compensations": len(event.data["compensates"])}
    return Decision(answer, (event,))


def _compensated(workflow: Workflow, *, without_effect: bool) -> list[int]:
    """The indexes of the stages to compensate, the last first."""
    reached = len(workflow.results)
    if not without_effect and f"stage-{reached}" in workflow.progress:
        reached += 1
    return [index for index in reversed(range(reached)) if workflow.stages[index].compensation is not None]


def get_workflow_status(state: State, data: GetWorkflowStatus, context: Context) -> dict[str, Any]:
    workflow = find(state.workflows, data.workflow_id, "workflow_id")
    made = {each.stage_index: each for each in workflow.compensations}
    return {
        **_summary(workflow),
        "prompt": workflow.prompt,
        "started_by": workflow.started_by,
        "result": workflow.result,
        "error": workflow.error,
        "stages": [_stage_status(workflow, index, made.get(index)) for index in range(len(workflow.stages))],
    }


def _stage_status(workflow: Workflow, index: int, made: Compensation | None) -> dict[str, Any]:
    stage, completed = workflow.stages[index], index < len(workflow.results)
    return {
        "name": stage.name,
        "service": stage.service,
        "completed": completed,
        "result": workflow.results[index] if completed else None,
        **_call_status(workflow, f"stage-{index}"),
        "compensation": None if made is None else _compensation_status(workflow, made),
    }


def _compensation_status(workflow: Workflow, made: Compensation) -> dict[str, Any]:
    tried = _call_status(workflow, f"compensation-{made.stage_index}")
    error = tried["error"] if made.status == "due" else made.error
    return {"status": made.status, "result": made.result, **tried, "error": error}


def _call_status(workflow: Workflow, key: str) -> dict[str, Any]:
    """deadline: of all attempts together, null before the first. attempts: how many failed. error: of the last."""
    progress = workflow.progress.get(key)
    if progress is None:
        return {"deadline": None, "attempts": 0, "error": None}
    return {"deadline": progress.deadline, "attempts": progress.attempts, "error": progress.error}


def list_workflows(state: State, data: ListWorkflows, context: Context) -> dict[str, Any]:
    workflows, after = page(state.workflows, data, lambda workflow: data.status in (None, workflow.status))
    return {"workflows": [_summary(workflow) for workflow in workflows], "next": after}


def running(state: State, workflow_id: str) -> Workflow:
    workflow = find(state.workflows, workflow_id, "workflow_id")
    if workflow.status != "running":
        raise Conflict(f"The workflow has {workflow.status}.", field="workflow_id", status=workflow.status)
    return workflow


def _ending(workflow: Workflow, context: Context) -> dict[str, Any]:
    duration = context.now - datetime.fromisoformat(workflow.started_at)
    return {
        "adapter": workflow.adapter,
        "prompt": workflow.prompt,
        "stages_completed": len(workflow.results),
        "total_stages": len(workflow.stages),
        "finished_at": context.now.isoformat(),
        "duration_seconds": duration.total_seconds(),
    }


def _summary(workflow: Workflow) -> dict[str, Any]:
    return {
        "workflow_id": workflow.workflow_id,
        "status": workflow.status,
        "adapter": workflow.adapter,
        "stages_completed": len(workflow.results),
        "total_stages": len(workflow.stages),
        "started_at": workflow.started_at,
        "finished_at": workflow.finished_at,
    }


def workflow_event(name: str, workflow_id: str, **data: Any) -> Event:
    return Event(name, (f"workflow:{workflow_id}",), {"workflow_id": workflow_id, **data})
