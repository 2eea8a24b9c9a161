"""Workflows go through their stages in order, pools count what workers do, teams do one task at a time."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import Conflict, InvalidData, NotFound
from bodhisattva.servers.mahavishnu.service import SERVICE
from bodhisattva.servers.tests.harness import Harness, Script, command

REMOTE = {"name": "measure", "service": "crackerjack", "request": "record_coverage", "data": {"project": "p"}}


@pytest.fixture
def harness() -> Harness:
    return Harness(SERVICE)


def start(harness: Harness, *stages: Any, workflow_id: str = "w") -> None:
    harness.execute("start_workflow", workflow_id=workflow_id, adapter="local", prompt="Build it", stages=list(stages))


# Workflows


def test_a_workflow_completes_after_its_stages(harness: Harness) -> None:
    start(harness, "plan", "build")
    harness.advance(2)
    harness.execute("complete_stage", workflow_id="w", stage_name="plan", result={"steps": 3})
    assert harness.query("get_workflow_status", workflow_id="w")["stages_completed"] == 1
    harness.execute("complete_stage", workflow_id="w", stage_name="build", result="built")
    harness.advance(3)
    decision = harness.execute("complete_workflow", workflow_id="w", result="done")

    (completed,) = decision.events
    assert completed.name == "workflow.completed"
    assert completed.channels == ("workflow:w",)
    assert completed.data["result"] == "done"
    assert completed.data["prompt"] == "Build it"
    assert completed.data["duration_seconds"] == 5.0
    status = harness.query("get_workflow_status", workflow_id="w")
    assert (status["status"], status["stages_completed"], status["total_stages"]) == ("completed", 2, 2)
    assert [stage["result"] for stage in status["stages"]] == [{"steps": 3}, "built"]


def test_a_workflow_without_an_id_gets_one(harness: Harness) -> None:
    answer = harness.execute("start_workflow", adapter="local", prompt="x", stages=["only"]).answer
    assert harness.query("get_workflow_status", workflow_id=answer["workflow_id"])["status"] == "running"


def test_a_failed_workflow_names_the_stage(harness: Harness) -> None:
    start(harness, "plan", "build")
    (failed,) = harness.execute("fail_workflow", workflow_id="w", error="no plan").events
    assert (failed.name, failed.data["error"], failed.data["stage_name"]) == (
        "workflow.failed",
        "no plan",
        "plan",
    )
    assert harness.query("get_workflow_status", workflow_id="w")["error"] == "no plan"


def test_stages_are_completed_in_order(harness: Harness) -> None:
    start(harness, "plan", "build")
    early = harness.refused(Conflict, "complete_stage", workflow_id="w", stage_name="build")
    assert early.data["expected"] == "plan"
    harness.refused(NotFound, "complete_stage", workflow_id="w", stage_name="deploy")
    harness.refused(Conflict, "complete_workflow", workflow_id="w")
    harness.execute("complete_stage", workflow_id="w", stage_name="plan")
    harness.refused(Conflict, "complete_stage", workflow_id="w", stage_name="plan")


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("complete_stage", {"stage_name": "only"}),
        ("complete_workflow", {}),
        ("fail_workflow", {"error": "x"}),
    ],
)
def test_a_finished_workflow_accepts_no_command_and_an_unknown_one_is_not_found(
    harness: Harness, command: str, more: dict[str, Any]
) -> None:
    start(harness, "only")
    harness.execute("fail_workflow", workflow_id="w", error="enough")
    finished = harness.refused(Conflict, command, workflow_id="w", **more)
    assert finished.data["status"] == "failed"
    harness.refused(NotFound, command, workflow_id="other", **more)


@pytest.mark.parametrize(
    "change",
    [
        {"stages": []},
        {"stages": ["a", "a"]},
        {"stages": [7]},
        {"stages": [{"name": "a", "service": "dhruva"}]},
        {"stages": [{"name": "a", "data": {"x": 1}}]},
        {"stages": [{**REMOTE, "request": "subscribe"}]},
        {"stages": [{**REMOTE, "timeout": 0}]},
        {"stages": [{**REMOTE, "attempts": 0}]},
        {"stages": [{"name": "a", "compensation": {"request": "undo"}}]},
        {"stages": [{**REMOTE, "compensation": {"request": "auth"}}]},
        {"stages": [{**REMOTE, "data": {"x": {"$result": ["measure"]}}}]},
        {"stages": ["a", {**REMOTE, "data": {"x": [{"$result": ["later"]}]}}, "later"]},
        {"stages": ["a", {**REMOTE, "data": {"x": {"$result": "a"}}}]},
        {"stages": ["a", {**REMOTE, "data": {"x": {"$result": [["a"]]}}}]},
        {"stages": [{**REMOTE, "compensation": {"request": "undo", "data": {"x": {"$result": ["other"]}}}}]},
        {"workflow_id": "with space"},
        {"workflow_id": "newline\n"},
        {"prompt": ""},
        {"adapter": None},
    ],
)
def test_an_invalid_workflow_is_not_started(harness: Harness, change: dict[str, Any]) -> None:
    valid = {"adapter": "local", "prompt": "x", "stages": ["a"]}
    harness.refused(InvalidData, "start_workflow", **(valid | change))


def test_a_workflow_id_is_used_once(harness: Harness) -> None:
    start(harness, "only")
    again = {"workflow_id": "w", "adapter": "local", "prompt": "x", "stages": ["a"]}
    harness.refused(Conflict, "start_workflow", **again)


def test_workflows_are_listed_page_by_page(harness: Harness) -> None:
    for number in range(5):
        start(harness, "only", workflow_id=f"w{number}")
    harness.execute("fail_workflow", workflow_id="w3", error="x")
    first = harness.query("list_workflows", limit=2)
    assert [each["workflow_id"] for each in first["workflows"]] == ["w0", "w1"]
    rest = harness.query("list_workflows", after=first["next"])
    assert [each["workflow_id"] for each in rest["workflows"]] == ["w2", "w3", "w4"]
    assert rest["next"] is None
    failed = harness.query("list_workflows", status="failed")
    assert [each["workflow_id"] for each in failed["workflows"]] == ["w3"]
    with pytest.raises(NotFound):
        harness.query("get_workflow_status", workflow_id="nothing")


def test_only_the_due_stage_of_a_running_workflow_is_called(harness: Harness) -> None:
    start(harness, "plan", REMOTE)
    assert harness.state.remote_due == {}
    harness.execute("complete_stage", workflow_id="w", stage_name="plan")
    assert harness.state.remote_due == {"w": 1}
    harness.execute("fail_workflow", workflow_id="w", error="x")
    assert harness.state.remote_due == {}


# Pools


def test_a_pool_counts_its_workers_and_tasks(harness: Harness) -> None:
    harness.execute("create_pool", pool_id="p")
    harness.execute("set_worker_status", worker_id="a", pool_id="p", status="idle")
    decision = harness.execute("set_worker_status", worker_id="b", pool_id="p", status="busy")

    worker, pool = decision.events
    assert (worker.name, worker.channels) == ("worker.status_changed", ("worker:b", "pool:p"))
    assert (pool.name, pool.channels) == ("pool.status_changed", ("pool:p",))
    counts = {"active_workers": 1, "idle_workers": 1, "queue_size": 0, "tasks_completed": 0}
    assert pool.data == {"pool_id": "p", "status": counts}
    assert harness.query("get_pool_status", pool_id="p")["status"] == counts
    assert harness.execute("set_worker_status", worker_id="b", pool_id="p", status="busy").events == ()


def test_a_task_is_queued_taken_and_completed(harness: Harness) -> None:
    harness.execute("create_pool", pool_id="p")
    harness.execute("set_worker_status", worker_id="a", pool_id="p", status="idle")
    assert harness.execute("take_task", worker_id="a").answer["task_id"] is None
    harness.execute("submit_task", pool_id="p", task_id="t1", prompt="first")
    harness.execute("submit_task", pool_id="p", task_id="t2", prompt="second")
    assert harness.execute("take_task", worker_id="a").answer["task_id"] == "t1"
    assert harness.query("get_pool_status", pool_id="p")["status"]["queue_size"] == 1
    harness.execute("complete_task", task_id="t1", result=42)
    status = harness.query("get_pool_status", pool_id="p")
    assert status["status"] == {"active_workers": 0, "idle_workers": 1, "queue_size": 1, "tasks_completed": 1}
    assert harness.query("get_task", task_id="t1")["result"] == 42


def test_a_task_whose_worker_fails_returns_to_the_head_of_the_queue(harness: Harness) -> None:
    harness.execute("create_pool", pool_id="p")
    for worker in "ab":
        harness.execute("set_worker_status", worker_id=worker, pool_id="p", status="idle")
    harness.execute("submit_task", pool_id="p", task_id="t1", prompt="first")
    harness.execute("submit_task", pool_id="p", task_id="t2", prompt="second")
    harness.execute("take_task", worker_id="a")
    requeued, _, announced = harness.execute("set_worker_status", worker_id="a", pool_id="p", status="error").events
    assert (requeued.name, announced.data["status"]["queue_size"]) == ("task.requeued", 2)
    assert harness.execute("take_task", worker_id="b").answer["task_id"] == "t1"
    harness.refused(Conflict, "complete_task", task_id="t2")


def test_pool_commands_are_refused(harness: Harness) -> None:
    harness.execute("create_pool", pool_id="p")
    harness.execute("create_pool", pool_id="q")
    harness.execute("set_worker_status", worker_id="a", pool_id="p", status="offline")
    harness.execute("submit_task", pool_id="p", task_id="t", prompt="x")
    at_p = {"worker_id": "a", "pool_id": "p"}
    harness.refused(Conflict, "create_pool", pool_id="p")
    harness.refused(InvalidData, "set_worker_status", **at_p, status="asleep")
    harness.refused(Conflict, "set_worker_status", worker_id="a", pool_id="q", status="idle")
    harness.refused(NotFound, "set_worker_status", worker_id="a", pool_id="x", status="idle")
    harness.refused(NotFound, "submit_task", pool_id="x", prompt="x")
    harness.refused(Conflict, "submit_task", pool_id="p", task_id="t", prompt="x")
    harness.refused(Conflict, "take_task", worker_id="a")
    harness.refused(NotFound, "take_task", worker_id="x")
    harness.refused(Conflict, "complete_task", task_id="t")
    harness.refused(NotFound, "complete_task", task_id="x")
    with pytest.raises(NotFound):
        harness.query("get_pool_status", pool_id="x")


# Teams and adapters


def test_a_team_executes_one_task_at_a_time(harness: Harness) -> None:
    (created,) = harness.execute("create_team", team_id="t", team_name="Crew", goal="Ship").events
    assert created.channels == ("goal-teams", "goal-teams:ada")
    harness.execute("start_team_execution", team_id="t", task="one")
    harness.refused(Conflict, "start_team_execution", team_id="t", task="two")
    harness.advance(1.5)
    (completed,) = harness.execute("complete_team_execution", team_id="t", result="good").events
    assert (completed.name, completed.data["duration_ms"]) == ("team.execution_completed", 1500.0)
    harness.execute("start_team_execution", team_id="t", task="two")
    (error,) = harness.execute("fail_team_execution", team_id="t", error_code="TIMEOUT", message="too slow").events
    assert (error.name, error.data["message"]) == ("team.error", "too slow")
    team = harness.query("get_team", team_id="t")
    assert (team["status"], team["executions_completed"], team["executions_failed"]) == ("ready", 1, 1)
    assert harness.query("list_teams", owner="grace")["teams"] == []


def test_team_commands_are_refused(harness: Harness) -> None:
    harness.execute("create_team", team_id="t", team_name="Crew", goal="Ship")
    failure = {"error_code": "X", "message": "x"}
    harness.refused(Conflict, "create_team", team_id="t", team_name="Crew", goal="Ship")
    harness.refused(InvalidData, "create_team", team_name="Crew", goal="Ship", mode="chaos")
    harness.refused(NotFound, "start_team_execution", team_id="x", task="x")
    harness.refused(NotFound, "complete_team_execution", team_id="x")
    harness.refused(Conflict, "complete_team_execution", team_id="t")
    harness.refused(NotFound, "fail_team_execution", team_id="x", **failure)
    harness.refused(Conflict, "fail_team_execution", team_id="t", **failure)


def test_no_workflow_starts_on_an_unhealthy_adapter(harness: Harness) -> None:
    (registered,) = harness.execute("register_adapter", adapter_id="local", adapter_name="Local", provider="x").events
    assert registered.channels == ("adapters",)
    harness.execute("set_adapter_health", adapter_id="local", status="unhealthy", details={"reason": "disk"})
    again = {"adapter": "local", "prompt": "x", "stages": ["a"]}
    harness.refused(Conflict, "start_workflow", **again)
    assert harness.query("list_adapters", health="unhealthy")["adapters"][0]["details"] == {"reason": "disk"}
    harness.execute("set_adapter_health", adapter_id="local", status="healthy")
    start(harness, "a")


def test_adapter_commands_are_refused(harness: Harness) -> None:
    adapter = {"adapter_id": "local", "adapter_name": "Local", "provider": "x"}
    harness.execute("register_adapter", **adapter)
    harness.refused(Conflict, "register_adapter", **adapter)
    harness.refused(NotFound, "set_adapter_health", adapter_id="x", status="healthy")
    harness.refused(InvalidData, "set_adapter_health", adapter_id="local", status="fine")


# Whatever is done, in whatever order

ids = st.sampled_from("ab")
UNDONE = {**REMOTE, "compensation": {"request": "forget_coverage"}}
stages = st.lists(st.sampled_from("xy") | st.sampled_from([REMOTE, UNDONE]), min_size=1, max_size=2)
statuses = st.sampled_from(["idle", "busy", "error", "offline"])
tasks = st.sampled_from(["t1", "t2", "t3"])


calls = st.sampled_from(["stage-0", "stage-1", "compensation-0", "compensation-1"])
indexes = st.integers(0, 2)
workflow_commands = st.one_of(
    command("start_workflow", workflow_id=ids, adapter=ids, prompt=ids, stages=stages),
    command("complete_stage", workflow_id=ids, stage_name=st.sampled_from(["x", "y", "measure"])),
    command("complete_workflow", workflow_id=ids),
    command("fail_workflow", workflow_id=ids, error=ids),
    command("cancel_workflow", workflow_id=ids),
    command("begin_call", workflow_id=ids, call=calls),
    command("record_attempt", workflow_id=ids, call=calls, attempt=st.integers(1, 3), error=ids),
    command("fail_stage", workflow_id=ids, stage_index=indexes, error=ids, without_effect=st.booleans()),
    command("end_compensation", workflow_id=ids, stage_index=indexes, error=st.none() | ids),
    command("register_adapter", adapter_id=ids, adapter_name=ids, provider=ids),
    command("set_adapter_health", adapter_id=ids, status=st.sampled_from(["healthy", "unhealthy"])),
)
pool_commands = st.one_of(
    command("create_pool", pool_id=ids),
    command("set_worker_status", worker_id=ids, pool_id=ids, status=statuses),
    command("submit_task", pool_id=ids, prompt=ids, task_id=tasks),
    command("take_task", worker_id=ids),
    command("complete_task", task_id=tasks),
)
team_commands = st.one_of(
    command("create_team", team_id=ids, team_name=ids, goal=ids),
    command("start_team_execution", team_id=ids, task=ids),
    command("complete_team_execution", team_id=ids),
    command("fail_team_execution", team_id=ids, error_code=ids, message=ids),
)


@given(st.lists(workflow_commands | pool_commands | team_commands, max_size=40))
def test_replaying_the_log_gives_the_same_state(script: Script) -> None:
    harness = Harness(SERVICE).run(script)
    assert harness.replayed() == harness.state


@given(st.lists(pool_commands, max_size=40))
def test_announced_counts_of_pools_are_those_of_their_workers_and_tasks(script: Script) -> None:
    harness = Harness(SERVICE).run(script)
    announced = {
        event.data["pool_id"]: event.data["status"] for event in harness.log if event.name == "pool.status_changed"
    }
    for pool_id, status in announced.items():
        pool = harness.query("get_pool_status", pool_id=pool_id)
        assert pool["status"] == status
        states = [worker["status"] for worker in pool["workers"]]
        tasks = [task.status for task in harness.state.tasks.values() if task.pool_id == pool_id]
        assert status == {
            "active_workers": states.count("busy"),
            "idle_workers": states.count("idle"),
            "queue_size": tasks.count("queued"),
            "tasks_completed": tasks.count("completed"),
        }


@given(st.lists(workflow_commands, max_size=60))
def test_begun_stages_are_compensated_once_the_last_first(script: Script) -> None:
    harness = Harness(SERVICE).run(script)
    for workflow_id, workflow in harness.state.workflows.items():
        ended = [
            event.data["stage_index"]
            for event in harness.log
            if event.channels == (f"workflow:{workflow_id}",) and "compensation_completed" in event.name
        ]
        made = [each.stage_index for each in workflow.compensations if each.status == "completed"]
        assert ended == made == sorted(set(made), reverse=True)
        indexes = [each.stage_index for each in workflow.compensations]
        assert all(f"stage-{index}" in workflow.progress or index < len(workflow.results) for index in indexes)


@given(st.lists(workflow_commands, max_size=40))
def test_a_workflow_ends_at_most_once_and_completes_only_when_all_stages_have(script: Script) -> None:
    harness = Harness(SERVICE).run(script)
    for workflow_id, workflow in harness.state.workflows.items():
        names = [event.name for event in harness.log if event.channels == (f"workflow:{workflow_id}",)]
        endings = [name for name in names if name in ("workflow.completed", "workflow.failed")]
        assert endings in ([], ["workflow.completed"], ["workflow.failed"])
        if workflow.status == "completed":
            assert names.count("workflow.stage_completed") == len(workflow.stages)
