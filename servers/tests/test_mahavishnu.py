"""Workflows go through their stages in order, pools count what workers do, teams do one task at a time."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import Conflict, InvalidData, NotFound
from bodhisattva.servers.mahavishnu.service import SERVICE
from bodhisattva.servers.tests.bench import Bench, Script, command

REMOTE = {"name": "measure", "service": "crackerjack", "request": "record_coverage", "data": {"project": "p"}}


@pytest.fixture
def bench() -> Bench:
    return Bench(SERVICE)


def start(bench: Bench, *stages: Any, workflow_id: str = "w") -> None:
    bench.do("start_workflow", workflow_id=workflow_id, adapter="local", prompt="Build it", stages=list(stages))


# Workflows


def test_a_workflow_goes_through_its_stages_and_completes(bench: Bench) -> None:
    start(bench, "plan", "build")
    bench.wait(2)
    bench.do("complete_stage", workflow_id="w", stage_name="plan", result={"steps": 3})
    assert bench.ask("get_workflow_status", workflow_id="w")["stages_completed"] == 1
    bench.do("complete_stage", workflow_id="w", stage_name="build", result="built")
    bench.wait(3)
    decision = bench.do("complete_workflow", workflow_id="w", result="done")

    (completed,) = decision.events
    assert completed.name == "workflow.completed"
    assert completed.channels == ("workflow:w",)
    assert completed.data["result"] == "done"
    assert completed.data["prompt"] == "Build it"
    assert completed.data["duration_seconds"] == 5.0
    status = bench.ask("get_workflow_status", workflow_id="w")
    assert (status["status"], status["stages_completed"], status["total_stages"]) == ("completed", 2, 2)
    assert [stage["result"] for stage in status["stages"]] == [{"steps": 3}, "built"]


def test_a_workflow_without_an_id_gets_one(bench: Bench) -> None:
    answer = bench.do("start_workflow", adapter="local", prompt="x", stages=["only"]).answer
    assert bench.ask("get_workflow_status", workflow_id=answer["workflow_id"])["status"] == "running"


def test_a_failed_workflow_says_at_which_stage(bench: Bench) -> None:
    start(bench, "plan", "build")
    (failed,) = bench.do("fail_workflow", workflow_id="w", error="no plan").events
    assert (failed.name, failed.data["error"], failed.data["stage_name"]) == (
        "workflow.failed",
        "no plan",
        "plan",
    )
    assert bench.ask("get_workflow_status", workflow_id="w")["error"] == "no plan"


def test_stages_are_completed_in_order(bench: Bench) -> None:
    start(bench, "plan", "build")
    early = bench.refused(Conflict, "complete_stage", workflow_id="w", stage_name="build")
    assert early.data["expected"] == "plan"
    bench.refused(NotFound, "complete_stage", workflow_id="w", stage_name="deploy")
    bench.refused(Conflict, "complete_workflow", workflow_id="w")
    bench.do("complete_stage", workflow_id="w", stage_name="plan")
    bench.refused(Conflict, "complete_stage", workflow_id="w", stage_name="plan")


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("complete_stage", {"stage_name": "only"}),
        ("complete_workflow", {}),
        ("fail_workflow", {"error": "x"}),
    ],
)
def test_a_finished_workflow_takes_no_command_and_an_unknown_one_is_not_found(
    bench: Bench, command: str, more: dict[str, Any]
) -> None:
    start(bench, "only")
    bench.do("fail_workflow", workflow_id="w", error="enough")
    finished = bench.refused(Conflict, command, workflow_id="w", **more)
    assert finished.data["status"] == "failed"
    bench.refused(NotFound, command, workflow_id="other", **more)


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
def test_a_workflow_that_makes_no_sense_is_not_started(bench: Bench, change: dict[str, Any]) -> None:
    valid = {"adapter": "local", "prompt": "x", "stages": ["a"]}
    bench.refused(InvalidData, "start_workflow", **(valid | change))


def test_a_workflow_id_is_used_once(bench: Bench) -> None:
    start(bench, "only")
    again = {"workflow_id": "w", "adapter": "local", "prompt": "x", "stages": ["a"]}
    bench.refused(Conflict, "start_workflow", **again)


def test_workflows_are_listed_page_by_page(bench: Bench) -> None:
    for number in range(5):
        start(bench, "only", workflow_id=f"w{number}")
    bench.do("fail_workflow", workflow_id="w3", error="x")
    first = bench.ask("list_workflows", limit=2)
    assert [each["workflow_id"] for each in first["workflows"]] == ["w0", "w1"]
    rest = bench.ask("list_workflows", after=first["next"])
    assert [each["workflow_id"] for each in rest["workflows"]] == ["w2", "w3", "w4"]
    assert rest["next"] is None
    failed = bench.ask("list_workflows", status="failed")
    assert [each["workflow_id"] for each in failed["workflows"]] == ["w3"]
    with pytest.raises(NotFound):
        bench.ask("get_workflow_status", workflow_id="nothing")


def test_only_the_due_stage_of_a_running_workflow_is_run_elsewhere(bench: Bench) -> None:
    start(bench, "plan", REMOTE)
    assert bench.state.remote_due == {}
    bench.do("complete_stage", workflow_id="w", stage_name="plan")
    assert bench.state.remote_due == {"w": 1}
    bench.do("fail_workflow", workflow_id="w", error="x")
    assert bench.state.remote_due == {}


# Pools


def test_a_pool_counts_what_its_workers_do(bench: Bench) -> None:
    bench.do("create_pool", pool_id="p")
    bench.do("set_worker_status", worker_id="a", pool_id="p", status="idle")
    decision = bench.do("set_worker_status", worker_id="b", pool_id="p", status="busy")

    worker, pool = decision.events
    assert (worker.name, worker.channels) == ("worker.status_changed", ("worker:b", "pool:p"))
    assert (pool.name, pool.channels) == ("pool.status_changed", ("pool:p",))
    counts = {"active_workers": 1, "idle_workers": 1, "queue_size": 0, "tasks_completed": 0}
    assert pool.data == {"pool_id": "p", "status": counts}
    assert bench.ask("get_pool_status", pool_id="p")["status"] == counts
    assert bench.do("set_worker_status", worker_id="b", pool_id="p", status="busy").events == ()


def test_a_task_is_queued_taken_and_completed(bench: Bench) -> None:
    bench.do("create_pool", pool_id="p")
    bench.do("set_worker_status", worker_id="a", pool_id="p", status="idle")
    assert bench.do("take_task", worker_id="a").answer["task_id"] is None
    bench.do("submit_task", pool_id="p", task_id="t1", prompt="first")
    bench.do("submit_task", pool_id="p", task_id="t2", prompt="second")
    assert bench.do("take_task", worker_id="a").answer["task_id"] == "t1"
    assert bench.ask("get_pool_status", pool_id="p")["status"]["queue_size"] == 1
    bench.do("complete_task", task_id="t1", result=42)
    status = bench.ask("get_pool_status", pool_id="p")
    assert status["status"] == {"active_workers": 0, "idle_workers": 1, "queue_size": 1, "tasks_completed": 1}
    assert bench.ask("get_task", task_id="t1")["result"] == 42


def test_a_task_whose_worker_fails_is_next_again(bench: Bench) -> None:
    bench.do("create_pool", pool_id="p")
    for worker in "ab":
        bench.do("set_worker_status", worker_id=worker, pool_id="p", status="idle")
    bench.do("submit_task", pool_id="p", task_id="t1", prompt="first")
    bench.do("submit_task", pool_id="p", task_id="t2", prompt="second")
    bench.do("take_task", worker_id="a")
    requeued, _, announced = bench.do("set_worker_status", worker_id="a", pool_id="p", status="error").events
    assert (requeued.name, announced.data["status"]["queue_size"]) == ("task.requeued", 2)
    assert bench.do("take_task", worker_id="b").answer["task_id"] == "t1"
    bench.refused(Conflict, "complete_task", task_id="t2")


def test_pool_commands_are_refused(bench: Bench) -> None:
    bench.do("create_pool", pool_id="p")
    bench.do("create_pool", pool_id="q")
    bench.do("set_worker_status", worker_id="a", pool_id="p", status="offline")
    bench.do("submit_task", pool_id="p", task_id="t", prompt="x")
    at_p = {"worker_id": "a", "pool_id": "p"}
    bench.refused(Conflict, "create_pool", pool_id="p")
    bench.refused(InvalidData, "set_worker_status", **at_p, status="asleep")
    bench.refused(Conflict, "set_worker_status", worker_id="a", pool_id="q", status="idle")
    bench.refused(NotFound, "set_worker_status", worker_id="a", pool_id="x", status="idle")
    bench.refused(NotFound, "submit_task", pool_id="x", prompt="x")
    bench.refused(Conflict, "submit_task", pool_id="p", task_id="t", prompt="x")
    bench.refused(Conflict, "take_task", worker_id="a")
    bench.refused(NotFound, "take_task", worker_id="x")
    bench.refused(Conflict, "complete_task", task_id="t")
    bench.refused(NotFound, "complete_task", task_id="x")
    with pytest.raises(NotFound):
        bench.ask("get_pool_status", pool_id="x")


# Teams and adapters


def test_a_team_executes_one_task_at_a_time(bench: Bench) -> None:
    (created,) = bench.do("create_team", team_id="t", team_name="Crew", goal="Ship").events
    assert created.channels == ("goal-teams", "goal-teams:ada")
    bench.do("start_team_execution", team_id="t", task="one")
    bench.refused(Conflict, "start_team_execution", team_id="t", task="two")
    bench.wait(1.5)
    (completed,) = bench.do("complete_team_execution", team_id="t", result="good").events
    assert (completed.name, completed.data["duration_ms"]) == ("team.execution_completed", 1500.0)
    bench.do("start_team_execution", team_id="t", task="two")
    (error,) = bench.do("fail_team_execution", team_id="t", error_code="TIMEOUT", message="too slow").events
    assert (error.name, error.data["message"]) == ("team.error", "too slow")
    team = bench.ask("get_team", team_id="t")
    assert (team["status"], team["executions_completed"], team["executions_failed"]) == ("ready", 1, 1)
    assert bench.ask("list_teams", owner="grace")["teams"] == []


def test_team_commands_are_refused(bench: Bench) -> None:
    bench.do("create_team", team_id="t", team_name="Crew", goal="Ship")
    failure = {"error_code": "X", "message": "x"}
    bench.refused(Conflict, "create_team", team_id="t", team_name="Crew", goal="Ship")
    bench.refused(InvalidData, "create_team", team_name="Crew", goal="Ship", mode="chaos")
    bench.refused(NotFound, "start_team_execution", team_id="x", task="x")
    bench.refused(NotFound, "complete_team_execution", team_id="x")
    bench.refused(Conflict, "complete_team_execution", team_id="t")
    bench.refused(NotFound, "fail_team_execution", team_id="x", **failure)
    bench.refused(Conflict, "fail_team_execution", team_id="t", **failure)


def test_nothing_starts_on_an_unhealthy_adapter(bench: Bench) -> None:
    (registered,) = bench.do("register_adapter", adapter_id="local", adapter_name="Local", provider="x").events
    assert registered.channels == ("adapters",)
    bench.do("set_adapter_health", adapter_id="local", status="unhealthy", details={"reason": "disk"})
    again = {"adapter": "local", "prompt": "x", "stages": ["a"]}
    bench.refused(Conflict, "start_workflow", **again)
    assert bench.ask("list_adapters", health="unhealthy")["adapters"][0]["details"] == {"reason": "disk"}
    bench.do("set_adapter_health", adapter_id="local", status="healthy")
    start(bench, "a")


def test_adapter_commands_are_refused(bench: Bench) -> None:
    adapter = {"adapter_id": "local", "adapter_name": "Local", "provider": "x"}
    bench.do("register_adapter", **adapter)
    bench.refused(Conflict, "register_adapter", **adapter)
    bench.refused(NotFound, "set_adapter_health", adapter_id="x", status="healthy")
    bench.refused(InvalidData, "set_adapter_health", adapter_id="local", status="fine")


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
    bench = Bench(SERVICE).play(script)
    assert bench.replayed() == bench.state


@given(st.lists(pool_commands, max_size=40))
def test_what_pools_announced_is_what_their_workers_and_tasks_are(script: Script) -> None:
    bench = Bench(SERVICE).play(script)
    announced = {
        event.data["pool_id"]: event.data["status"] for event in bench.log if event.name == "pool.status_changed"
    }
    for pool_id, status in announced.items():
        pool = bench.ask("get_pool_status", pool_id=pool_id)
        assert pool["status"] == status
        states = [worker["status"] for worker in pool["workers"]]
        tasks = [task.status for task in bench.state.tasks.values() if task.pool_id == pool_id]
        assert status == {
            "active_workers": states.count("busy"),
            "idle_workers": states.count("idle"),
            "queue_size": tasks.count("queued"),
            "tasks_completed": tasks.count("completed"),
        }


@given(st.lists(workflow_commands, max_size=60))
def test_what_is_compensated_was_begun_and_each_once_the_last_first(script: Script) -> None:
    bench = Bench(SERVICE).play(script)
    for workflow_id, workflow in bench.state.workflows.items():
        ended = [
            event.data["stage_index"]
            for event in bench.log
            if event.channels == (f"workflow:{workflow_id}",) and "compensation_completed" in event.name
        ]
        made = [each.stage_index for each in workflow.compensations if each.status == "completed"]
        assert ended == made == sorted(set(made), reverse=True)
        indexes = [each.stage_index for each in workflow.compensations]
        assert all(f"stage-{index}" in workflow.progress or index < len(workflow.results) for index in indexes)


@given(st.lists(workflow_commands, max_size=40))
def test_a_workflow_ends_at_most_once_and_completes_only_when_all_stages_have(script: Script) -> None:
    bench = Bench(SERVICE).play(script)
    for workflow_id, workflow in bench.state.workflows.items():
        names = [event.name for event in bench.log if event.channels == (f"workflow:{workflow_id}",)]
        endings = [name for name in names if name in ("workflow.completed", "workflow.failed")]
        assert endings in ([], ["workflow.completed"], ["workflow.failed"])
        if workflow.status == "completed":
            assert names.count("workflow.stage_completed") == len(workflow.stages)
