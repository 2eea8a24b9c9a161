"""Pools: workers that take queued tasks, and the counts of both."""

from collections import Counter
from typing import Any

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import Conflict
from bodhisattva.servers.core.inputs import Id, Paging, Text, claim_id, find, page
from bodhisattva.servers.mahavishnu.domain import Pool, State, Task, WorkerStatus


class CreatePool(msgspec.Struct, frozen=True):
    pool_id: Id | None = None


class SetWorkerStatus(msgspec.Struct, frozen=True):
    worker_id: Id
    pool_id: Id
    status: WorkerStatus


class SubmitTask(msgspec.Struct, frozen=True):
    pool_id: Id
    prompt: Text
    task_id: Id | None = None


class TakeTask(msgspec.Struct, frozen=True):
    worker_id: Id


class CompleteTask(msgspec.Struct, frozen=True):
    task_id: Id
    result: Any = None


class GetPoolStatus(msgspec.Struct, frozen=True):
    pool_id: Id


class GetTask(msgspec.Struct, frozen=True):
    task_id: Id


class ListPools(Paging, frozen=True):
    pass


def create_pool(state: State, data: CreatePool, context: Context) -> Decision:
    pool_id = claim_id(state.pools, data.pool_id, "pool_id", context)
    pool = Pool(pool_id, context.user_id, context.now.isoformat())
    created = {"pool_id": pool_id, "created_by": pool.created_by, "created_at": pool.created_at}
    return _decide({"pool_id": pool_id}, pool, Event("pool.created", (f"pool:{pool_id}",), created))


def set_worker_status(state: State, data: SetWorkerStatus, context: Context) -> Decision:
    """Record a worker's status. The first one adds it to the pool. A worker that is busy no more returns its task."""
    pool = find(state.pools, data.pool_id, "pool_id")
    worker = state.workers.get(data.worker_id)
    answer = {"worker_id": data.worker_id, "pool_id": data.pool_id, "status": data.status}
    if worker is None:
        return _decide(answer, pool, _worker_event(pool, data.worker_id, data.status, None, context))
    if worker.pool_id != data.pool_id:
        raise Conflict("The worker belongs to another pool.", field="pool_id", expected=worker.pool_id)
    if worker.status == data.status:
        return Decision(answer)
    changed = _worker_event(pool, data.worker_id, data.status, None, context)
    if worker.task_id is None:
        return _decide(answer, pool, changed)
    return _decide(answer, pool, _task_event("task.requeued", state.tasks[worker.task_id]), changed)


def submit_task(state: State, data: SubmitTask, context: Context) -> Decision:
    pool = find(state.pools, data.pool_id, "pool_id")
    task_id = claim_id(state.tasks, data.task_id, "task_id", context)
    task = Task(task_id, pool.pool_id, data.prompt, context.user_id, context.now.isoformat())
    queued = _task_event("task.queued", task, prompt=task.prompt, queued_by=task.queued_by, queued_at=task.queued_at)
    return _decide({"task_id": task_id, "pool_id": pool.pool_id, "status": "queued"}, pool, queued)


def take_task(state: State, data: TakeTask, context: Context) -> Decision:
    """Assign the pool's oldest task to the idle worker; the answer's `task_id` is null if the queue is empty."""
    worker = find(state.workers, data.worker_id, "worker_id")
    if worker.status != "idle":
        raise Conflict("Only an idle worker takes a task.", field="worker_id", status=worker.status)
    pool = state.pools[worker.pool_id]
    if not pool.queue:
        return Decision({"worker_id": worker.worker_id, "task_id": None})
    task = state.tasks[pool.queue[0]]
    answer = {"worker_id": worker.worker_id, "task_id": task.task_id, "prompt": task.prompt}
    return _decide(
        answer,
        pool,
        _task_event("task.assigned", task, worker_id=worker.worker_id),
        _worker_event(pool, worker.worker_id, "busy", task.task_id, context),
    )


def complete_task(state: State, data: CompleteTask, context: Context) -> Decision:
    task = find(state.tasks, data.task_id, "task_id")
    if task.status != "assigned" or task.worker_id is None:
        raise Conflict("No worker is at this task.", field="task_id", status=task.status)
    pool = state.pools[task.pool_id]
    return _decide(
        {"task_id": task.task_id, "status": "completed"},
        pool,
        _task_event("task.completed", task, worker_id=task.worker_id, result=data.result),
        _worker_event(pool, task.worker_id, "idle", None, context),
    )


def get_pool_status(state: State, data: GetPoolStatus, context: Context) -> dict[str, Any]:
    pool = find(state.pools, data.pool_id, "pool_id")
    return {
        "pool_id": pool.pool_id,
        "status": _counts(pool),
        "workers": [msgspec.to_builtins(worker) for worker in pool.workers.values()],
    }


def get_task(state: State, data: GetTask, context: Context) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.to_builtins(find(state.tasks, data.task_id, "task_id"))
    return answer


def list_pools(state: State, data: ListPools, context: Context) -> dict[str, Any]:
    pools, after = page(state.pools, data, lambda pool: True)
    return {"pools": [{"pool_id": pool.pool_id, "status": _counts(pool)} for pool in pools], "next": after}


def _decide(answer: dict[str, Any], pool: Pool, *events: Event) -> Decision:
    """The decision for the events, followed by the pool's new counts."""
    status = _counts(pool, *events)
    summary = Event("pool.status_changed", (f"pool:{pool.pool_id}",), {"pool_id": pool.pool_id, "status": status})
    return Decision(answer, (*events, summary))


def _counts(pool: Pool, *upcoming: Event) -> dict[str, int]:
    """The pool's counts, as they will be after the upcoming events."""
    statuses: dict[str, str] = {worker.worker_id: worker.status for worker in pool.workers.values()}
    changes = [event.data for event in upcoming if event.name == "worker.status_changed"]
    statuses |= {change["worker_id"]: change["status"] for change in changes}
    workers = Counter(statuses.values())
    names = Counter(event.name for event in upcoming)
    return {
        "active_workers": workers["busy"],
        "idle_workers": workers["idle"],
        "queue_size": len(pool.queue) + names["task.queued"] + names["task.requeued"] - names["task.assigned"],
        "tasks_completed": pool.tasks_completed + names["task.completed"],
    }


def _worker_event(pool: Pool, worker_id: str, status: WorkerStatus, task_id: str | None, context: Context) -> Event:
    before = pool.workers.get(worker_id)
    data = {
        "worker_id": worker_id,
        "pool_id": pool.pool_id,
        "status": status,
        "previous_status": before and before.status,
        "task_id": task_id,
        "changed_at": context.now.isoformat(),
    }
    return Event("worker.status_changed", (f"worker:{worker_id}", f"pool:{pool.pool_id}"), data)


def _task_event(name: str, task: Task, **data: Any) -> Event:
    return Event(name, (f"pool:{task.pool_id}",), {"task_id": task.task_id, "pool_id": task.pool_id, **data})
