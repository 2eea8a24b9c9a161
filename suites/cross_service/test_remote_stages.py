"""Stages that mahavishnu runs on other services (protocol 8)."""

from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Connect, Spawn
from bodhisattva.fixtures.stack.base import Stack
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.cross_service.workflows import PROPAGATION, fresh_name, start_workflow, wait_for_status


@clause(
    "CROSS-006",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A stage that names another service is run there by mahavishnu, and its answer is the stage's result.",
    services=("mahavishnu", "session-buddy"),
)
async def test_stage_runs_on_the_service_it_names(fleet: Stack, connect: Connect) -> None:
    mahavishnu, buddy = await connect(fleet["mahavishnu"]), await connect(fleet["session-buddy"])
    session = fresh_name("s")
    data = {"session_id": session, "project": "crossing"}
    stage = {"name": "open", "service": "session-buddy", "request": "create_session", "data": data}
    workflow = await start_workflow(mahavishnu, [stage, "after"])
    await mahavishnu.subscribe(f"workflow:{workflow}")
    history = mahavishnu.answer("history", {"channel": f"workflow:{workflow}"})
    done = [e for e in (await history).data["events"] if e["event"] == "workflow.stage_completed"]
    result = done[0]["data"] if done else (await mahavishnu.event("workflow.stage_completed")).data
    assert result["stage_name"] == "open"
    assert (result["result"] or {}).get("session_id") == session, f"{result['result']} is not what the service answered"
    held = await buddy.answer("get_session", {"session_id": session})
    assert held.data["project"] == "crossing"
    assert held.data["user_id"] == "mahavishnu", "the stage did not run under mahavishnu's own identity"


@clause(
    "CROSS-007",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A stage that the other service refuses fails the workflow, and the workflow's error names the stage and "
    "the reason.",
    services=("mahavishnu", "dhruva"),
)
async def test_refused_stage_fails_the_workflow(fleet: Stack, connect: Connect) -> None:
    mahavishnu = await connect(fleet["mahavishnu"])
    missing = {"adapter_id": "a:b:c", "target": "nowhere"}
    stage = {"name": "ship", "service": "dhruva", "request": "distribute_adapter", "data": missing}
    workflow = await start_workflow(mahavishnu, [stage])
    failed = await wait_for_status(mahavishnu, workflow, "failed")
    assert "ship" in failed["error"]
    assert "NOT_FOUND" in failed["error"]
    assert failed["stages_completed"] == 0


def _session(name: str, **more: Any) -> dict[str, Any]:
    """A stage that opens a session, and closes it if the workflow does not come to its end."""
    undo = {"request": "close_session", "data": {"session_id": name}}
    data = {"session_id": name, "project": "crossing"}
    made = {"name": name, "service": "session-buddy", "request": "create_session", "data": data, "compensation": undo}
    return {**made, **more}


async def _undone(mahavishnu: WireClient, workflow: str) -> dict[str, Any]:
    """Wait until no compensation of a workflow is due any more."""

    async def done() -> dict[str, Any] | None:
        data: dict[str, Any] = (await mahavishnu.answer("get_workflow_status", {"workflow_id": workflow})).data
        made = [stage["compensation"] for stage in data["stages"] if stage["compensation"]]
        return data if made and all(each["status"] != "due" for each in made) else None

    return await eventually(done, f"{workflow} is compensated", PROPAGATION)


async def _closed(buddy: WireClient, sessions: list[str]) -> list[str]:
    """Of these sessions those that were closed, in the order in which they were."""
    names: list[str] = []
    for session in sessions:
        await buddy.answer("get_session", {"session_id": session})
    after = 0
    while page := (await buddy.answer("history", {"channel": "global", "after": after, "limit": 1000})).data["events"]:
        closed = [event["data"]["session_id"] for event in page if event["event"] == "session.closed"]
        names += [session for session in closed if session in sessions]
        after = page[-1]["offset"]
    return names


@clause(
    "CROSS-010",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="When a stage is refused, the remote stages that were completed before it are compensated, the last "
    "first, each once, and the workflow's status shows that.",
    services=("mahavishnu", "session-buddy"),
)
async def test_completed_stages_are_compensated_in_reverse(fleet: Stack, connect: Connect) -> None:
    mahavishnu, buddy = await connect(fleet["mahavishnu"]), await connect(fleet["session-buddy"])
    sessions = [fresh_name("s") for _ in range(3)]
    refused = {"name": "refused", "service": "session-buddy", "request": "close_session", "data": {"session_id": "-"}}
    workflow = await start_workflow(mahavishnu, [*map(_session, sessions), refused])
    shown = await _undone(mahavishnu, workflow)
    assert shown["status"] == "failed"
    made = [(stage["compensation"] or {}).get("status") for stage in shown["stages"]]
    assert made == ["completed", "completed", "completed", None]
    assert await _closed(buddy, sessions) == sessions[::-1], "not the last first, or not each once"


@clause(
    "CROSS-011",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A workflow can be cancelled: it ends, and its completed remote stages are compensated.",
    services=("mahavishnu", "session-buddy"),
)
async def test_cancelled_workflow_is_compensated(fleet: Stack, connect: Connect) -> None:
    mahavishnu, buddy = await connect(fleet["mahavishnu"]), await connect(fleet["session-buddy"])
    session = fresh_name("s")
    workflow = await start_workflow(mahavishnu, [_session(session), "by hand"])
    await _completed(mahavishnu, workflow)
    cancelled = await mahavishnu.answer("cancel_workflow", {"workflow_id": workflow, "reason": "enough"})
    assert cancelled.data["status"] == "cancelled"
    shown = await _undone(mahavishnu, workflow)
    assert (shown["status"], shown["error"]) == ("cancelled", "enough")
    assert await _closed(buddy, [session]) == [session]
    stage = {"workflow_id": workflow, "stage_name": "by hand"}
    assert (await mahavishnu.refusal("complete_stage", stage)).error_code == "CONFLICT"


@clause(
    "CROSS-012",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A remote stage whose service has not yet received it outlasts the death of mahavishnu, with the time "
    "limit that it had, and takes effect once.",
    services=("mahavishnu", "session-buddy"),
)
async def test_stage_survives_kills(spawn: Spawn, connect: Connect) -> None:
    there = await spawn("session-buddy", peers={})
    here = await spawn("mahavishnu", peers={"session-buddy": there.peer})
    mahavishnu = await connect(here)
    await _completed(mahavishnu, await start_workflow(mahavishnu, [_session(fresh_name("s"))]))
    await there.pause()
    session = fresh_name("s")
    workflow = await start_workflow(mahavishnu, [{**_session(session), "timeout": 300}])
    await eventually(lambda: _deadline(mahavishnu, workflow), "the stage is under way")
    deadline = await _deadline(mahavishnu, workflow)
    await start_workflow(mahavishnu)  # answered after the stage's request has left
    await here.kill()
    await there.resume()
    await here.start()
    mahavishnu, buddy = await connect(here), await connect(there)
    await _completed(mahavishnu, workflow)
    assert await _deadline(mahavishnu, workflow) == deadline, "the stage's time began anew"
    events = (await buddy.answer("history", {"channel": f"session:{session}"})).data["events"]
    assert [event["event"] for event in events] == ["session.created"]


async def _completed(mahavishnu: WireClient, workflow: str) -> None:
    """Wait until a workflow's first stage is completed."""

    async def completed() -> bool:
        reply = await mahavishnu.answer("get_workflow_status", {"workflow_id": workflow})
        assert reply.data["status"] == "running", reply.data["error"]
        return bool(reply.data["stages_completed"])

    await eventually(completed, f"the first stage of {workflow} is completed", 3 * PROPAGATION)


async def _deadline(mahavishnu: WireClient, workflow: str) -> str | None:
    reply = await mahavishnu.answer("get_workflow_status", {"workflow_id": workflow})
    deadline: str | None = reply.data["stages"][0]["deadline"]
    return deadline


@clause(
    "CROSS-013",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A stage whose service does not answer within the stage's time limit fails the workflow, with that reason.",
    services=("mahavishnu", "session-buddy"),
)
async def test_stage_without_answer_fails_at_its_limit(spawn: Spawn, connect: Connect) -> None:
    there = await spawn("session-buddy", peers={})
    here = await spawn("mahavishnu", peers={"session-buddy": there.peer})
    await there.kill()
    mahavishnu = await connect(here)
    workflow = await start_workflow(mahavishnu, [{**_session(fresh_name("s")), "timeout": 1, "compensation": None}])
    failed = await wait_for_status(mahavishnu, workflow, "failed")
    assert "session-buddy did not answer within 1 s" in failed["error"]


@clause(
    "CROSS-014",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="What a remote stage came to can be used in the data of a later one.",
    services=("mahavishnu", "session-buddy"),
)
async def test_result_goes_into_a_later_stage(fleet: Stack, connect: Connect) -> None:
    mahavishnu, buddy = await connect(fleet["mahavishnu"]), await connect(fleet["session-buddy"])
    first = {"name": "open", "service": "session-buddy", "request": "create_session", "data": {"project": "crossing"}}
    result = {"session_id": {"$result": ["open", "session_id"]}}
    second = {"name": "close", "service": "session-buddy", "request": "close_session", "data": result}
    workflow = await start_workflow(mahavishnu, [first, second])

    async def both() -> dict[str, Any] | None:
        data: dict[str, Any] = (await mahavishnu.answer("get_workflow_status", {"workflow_id": workflow})).data
        assert data["status"] == "running", data["error"]
        return data if data["stages_completed"] == 2 else None

    shown = await eventually(both, "both stages are completed", PROPAGATION)
    session = shown["stages"][0]["result"]["session_id"]
    assert (await buddy.answer("get_session", {"session_id": session})).data["status"] == "closed"
