"""Stages that mahavishnu runs on other services (contract 8)."""

from bodhisattva.fixtures.authors import Connect
from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.stack.base import Stack
from bodhisattva.suites.cross_service.journeys import fresh_name, start, status


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
    workflow = await start(mahavishnu, [stage, "after"])
    await mahavishnu.subscribe(f"workflow:{workflow}")
    history = mahavishnu.answer("history", {"channel": f"workflow:{workflow}"})
    done = [e for e in (await history).data["events"] if e["event"] == "workflow.stage_completed"]
    result = done[0]["data"] if done else (await mahavishnu.event("workflow.stage_completed")).data
    assert result["stage_name"] == "open"
    assert result["result"]["session_id"] == session
    held = await buddy.answer("get_session", {"session_id": session})
    assert held.data["project"] == "crossing"
    assert held.data["user_id"] == "mahavishnu", "the stage did not run under mahavishnu's own identity"


@clause(
    "CROSS-007",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A stage that the other service refuses fails the workflow, and the workflow's error says which and why.",
    services=("mahavishnu", "dhruva"),
)
async def test_refused_stage_fails_the_workflow(fleet: Stack, connect: Connect) -> None:
    mahavishnu = await connect(fleet["mahavishnu"])
    missing = {"adapter_id": "a:b:c", "target": "nowhere"}
    stage = {"name": "ship", "service": "dhruva", "request": "distribute_adapter", "data": missing}
    workflow = await start(mahavishnu, [stage])
    failed = await status(mahavishnu, workflow, "failed")
    assert "ship" in failed["error"]
    assert "NOT_FOUND" in failed["error"]
    assert failed["stages_completed"] == 0
