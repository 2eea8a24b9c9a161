"""The read model: workflows, pools, teams and adapters, and how each event changes them."""

from bisect import bisect
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from bodhisattva.servers.core.domain import Event

WorkerStatus = Literal["idle", "busy", "error", "offline"]
AdapterHealth = Literal["healthy", "degraded", "unhealthy"]


class Call(msgspec.Struct, frozen=True):
    """A request to another service. timeout: seconds for all attempts together. attempts: the most that are made."""

    service: str
    request: str
    data: dict[str, Any]
    timeout: float
    attempts: int | None = None


class Stage(msgspec.Struct, frozen=True):
    """A step of a workflow. With `service` it is a call to that service (see `Call`).

    compensation: undoes the stage if the workflow does not complete.
    """

    name: str
    service: str | None = None
    request: str | None = None
    data: dict[str, Any] | None = None
    timeout: float | None = None
    attempts: int | None = None
    compensation: Call | None = None

    @property
    def call(self) -> Call | None:
        if self.service is None or self.request is None or self.timeout is None:
            return None
        return Call(self.service, self.request, self.data or {}, self.timeout, self.attempts)


class Progress(msgspec.Struct):
    """The progress of a call that has begun. attempts: how many have failed. error: of the last of them."""

    deadline: str
    attempts: int = 0
    error: str | None = None


class Compensation(msgspec.Struct):
    """The compensation of the stage with this index."""

    stage_index: int
    status: Literal["due", "completed", "failed"] = "due"
    result: Any = None
    error: str | None = None


class Workflow(msgspec.Struct):
    """progress: of each call, by `stage-<index>` and `compensation-<index>`. compensations: in the order of execution.

    traceparent: of the trace in which the workflow was started.
    """

    workflow_id: str
    adapter: str
    prompt: str
    stages: list[Stage]
    started_by: str
    started_at: str
    status: Literal["running", "completed", "failed", "cancelled"] = "running"
    results: list[Any] = []
    result: Any = None
    error: str | None = None
    finished_at: str | None = None
    progress: dict[str, Progress] = {}
    compensations: list[Compensation] = []
    traceparent: str | None = None

    @property
    def next_compensation(self) -> Compensation | None:
        """The next compensation that is due, by bisection: those that have ended come first."""
        place = bisect(self.compensations, False, key=lambda each: each.status == "due")
        return self.compensations[place] if place < len(self.compensations) else None

    @property
    def next_stage(self) -> Stage | None:
        """The stage that is due; None if all are completed or the workflow has ended."""
        done = self.status != "running" or len(self.results) == len(self.stages)
        return None if done else self.stages[len(self.results)]


class Task(msgspec.Struct):
    task_id: str
    pool_id: str
    prompt: str
    queued_by: str
    queued_at: str
    status: Literal["queued", "assigned", "completed"] = "queued"
    worker_id: str | None = None
    result: Any = None


class Worker(msgspec.Struct):
    worker_id: str
    pool_id: str
    status: WorkerStatus
    changed_at: str
    task_id: str | None = None


class Pool(msgspec.Struct):
    pool_id: str
    created_by: str
    created_at: str
    workers: dict[str, Worker] = {}
    queue: deque[str] = msgspec.field(default_factory=deque)
    tasks_completed: int = 0


class Team(msgspec.Struct):
    team_id: str
    team_name: str
    goal: str
    mode: str
    members: list[str]
    owner: str
    created_at: str
    task: str | None = None
    started_at: str | None = None
    executions_completed: int = 0
    executions_failed: int = 0
    last_result: Any = None
    last_error: str | None = None


class Adapter(msgspec.Struct):
    adapter_id: str
    adapter_name: str
    provider: str
    capabilities: list[str]
    registered_at: str
    health: AdapterHealth = "healthy"
    details: dict[str, Any] = {}


class State(msgspec.Struct):
    """The read model.

    remote_due: the index of the due stage, by workflow, if it is remote.
    compensation_due: the index of the stage to compensate next, by workflow, if it ended early.
    """

    workflows: dict[str, Workflow] = {}
    remote_due: dict[str, int] = {}
    compensation_due: dict[str, int] = {}
    pools: dict[str, Pool] = {}
    workers: dict[str, Worker] = {}
    tasks: dict[str, Task] = {}
    teams: dict[str, Team] = {}
    adapters: dict[str, Adapter] = {}

    def apply(self, event: Event) -> None:
        _APPLY[event.name](self, event.data)

    def update_due(self, workflow: Workflow) -> None:
        stage = workflow.next_stage
        if stage is not None and stage.service is not None:
            self.remote_due[workflow.workflow_id] = len(workflow.results)
        else:
            self.remote_due.pop(workflow.workflow_id, None)
        compensation = workflow.next_compensation
        if compensation is not None:
            self.compensation_due[workflow.workflow_id] = compensation.stage_index
        else:
            self.compensation_due.pop(workflow.workflow_id, None)


Data = dict[str, Any]


def _workflow_started(state: State, data: Data) -> None:
    workflow = msgspec.convert(data, Workflow)
    state.workflows[workflow.workflow_id] = workflow
    state.update_due(workflow)


def _stage_completed(state: State, data: Data) -> None:
    workflow = state.workflows[data["workflow_id"]]
    workflow.results.append(data["result"])
    state.update_due(workflow)


def _workflow_completed(state: State, data: Data) -> None:
    workflow = state.workflows[data["workflow_id"]]
    workflow.status, workflow.result, workflow.finished_at = "completed", data["result"], data["finished_at"]
    state.update_due(workflow)


def _workflow_failed(state: State, data: Data) -> None:
    workflow = state.workflows[data["workflow_id"]]
    workflow.status = "cancelled" if data.get("cancelled") else "failed"
    workflow.error, workflow.finished_at = data["error"], data["finished_at"]
    workflow.compensations = [Compensation(index) for index in data.get("compensates", ())]
    state.update_due(workflow)


def _call_started(state: State, data: Data) -> None:
    state.workflows[data["workflow_id"]].progress[data["call"]] = Progress(data["deadline"])


def _attempt_failed(state: State, data: Data) -> None:
    progress = state.workflows[data["workflow_id"]].progress[data["call"]]
    progress.attempts, progress.error = data["attempt"], data["error"]


def _compensation_ended(state: State, data: Data) -> None:
    workflow = state.workflows[data["workflow_id"]]
    compensation = workflow.next_compensation
    assert compensation is not None
    compensation.result, compensation.error = data.get("result"), data.get("error")
    compensation.status = "completed" if compensation.error is None else "failed"
    state.update_due(workflow)


def _pool_created(state: State, data: Data) -> None:
    pool = msgspec.convert(data, Pool)
    state.pools[pool.pool_id] = pool


def _worker_changed(state: State, data: Data) -> None:
    worker = msgspec.convert(data, Worker)
    state.workers[worker.worker_id] = worker
    state.pools[worker.pool_id].workers[worker.worker_id] = worker


def _task_queued(state: State, data: Data) -> None:
    task = msgspec.convert(data, Task)
    state.tasks[task.task_id] = task
    state.pools[task.pool_id].queue.append(task.task_id)


def _task_assigned(state: State, data: Data) -> None:
    task = state.tasks[data["task_id"]]
    task.status, task.worker_id = "assigned", data["worker_id"]
    state.pools[task.pool_id].queue.remove(task.task_id)


def _task_requeued(state: State, data: Data) -> None:
    task = state.tasks[data["task_id"]]
    task.status, task.worker_id = "queued", None
    state.pools[task.pool_id].queue.appendleft(task.task_id)


def _task_completed(state: State, data: Data) -> None:
    task = state.tasks[data["task_id"]]
    task.status, task.result = "completed", data["result"]
    state.pools[task.pool_id].tasks_completed += 1


def _team_created(state: State, data: Data) -> None:
    team = msgspec.convert(data, Team)
    state.teams[team.team_id] = team


def _team_started(state: State, data: Data) -> None:
    team = state.teams[data["team_id"]]
    team.task, team.started_at = data["task"], data["started_at"]


def _team_completed(state: State, data: Data) -> None:
    team = state.teams[data["team_id"]]
    team.task, team.last_result = None, data["result"]
    team.executions_completed += 1


def _team_failed(state: State, data: Data) -> None:
    team = state.teams[data["team_id"]]
    team.task, team.last_error = None, data["message"]
    team.executions_failed += 1


def _adapter_registered(state: State, data: Data) -> None:
    adapter = msgspec.convert(data, Adapter)
    state.adapters[adapter.adapter_id] = adapter


def _adapter_health(state: State, data: Data) -> None:
    adapter = state.adapters[data["adapter_id"]]
    adapter.health, adapter.details = data["new_status"], data["details"]


def _derived(state: State, data: Data) -> None:
    """Change nothing: other events have recorded it."""


_APPLY: Mapping[str, Callable[[State, Data], None]] = {
    "workflow.started": _workflow_started,
    "workflow.stage_completed": _stage_completed,
    "workflow.completed": _workflow_completed,
    "workflow.failed": _workflow_failed,
    "workflow.stage_started": _call_started,
    "workflow.stage_attempt_failed": _attempt_failed,
    "workflow.compensation_started": _call_started,
    "workflow.compensation_attempt_failed": _attempt_failed,
    "workflow.compensation_completed": _compensation_ended,
    "workflow.compensation_failed": _compensation_ended,
    "pool.created": _pool_created,
    "pool.status_changed": _derived,
    "worker.status_changed": _worker_changed,
    "task.queued": _task_queued,
    "task.assigned": _task_assigned,
    "task.requeued": _task_requeued,
    "task.completed": _task_completed,
    "team.created": _team_created,
    "team.execution_started": _team_started,
    "team.execution_completed": _team_completed,
    "team.error": _team_failed,
    "adapter.registered": _adapter_registered,
    "adapter.health_changed": _adapter_health,
}
