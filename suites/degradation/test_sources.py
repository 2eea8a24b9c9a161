"""Services that depend on others, while those are down (8)."""

from functools import partial

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Connect, Spawn
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.base import Stack
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.cross_service.workflow_effects import (
    RECOVERY,
    assert_effects_once,
    effect_counts,
    expected_counts,
    run_workflows,
    spawn_source,
)
from bodhisattva.suites.cross_service.workflows import complete_workflow, fresh_name, start_workflow, wait_for_status


async def _works(node: Node, client: WireClient, sample: RequestSamples) -> None:
    """The service is ready, and does what it does without the other."""
    assert (await node.http("/ready")).status == 200
    await client.answer(*sample.command())
    sample.readback().check(await client.answer(*sample.readback().call))


@clause(
    "DEGRADATION-012",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A service whose bridge has lost its source stays ready and answers; what happens at the source from its "
    "return on takes effect, once.",
    services=("akosha", "session-buddy", "fastblocks"),
)
async def test_lost_source_does_not_stop_a_service(
    fleet: Stack, service: str, spawn: Spawn, connect: Connect, sample: RequestSamples
) -> None:
    source = await spawn_source(fleet, spawn)
    node = await spawn(service, peers={"mahavishnu": source.peer})
    client = await connect(node)
    before = await run_workflows(await connect(source))
    await assert_effects_once(service, client, before)
    await source.kill()
    await _works(node, client, sample)
    await source.start()
    after = await run_workflows(await connect(source))
    await assert_effects_once(service, client, before + after)


@clause(
    "DEGRADATION-013",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A service starts and works while its bridge's source is down; once the source is up, all that happened there "
    "takes effect, once.",
    services=("akosha", "session-buddy", "fastblocks"),
)
async def test_service_starts_without_its_source(
    fleet: Stack, service: str, spawn: Spawn, connect: Connect, sample: RequestSamples
) -> None:
    source = await spawn_source(fleet, spawn)
    earlier = await run_workflows(await connect(source))
    await source.kill()
    node = await spawn(service, peers={"mahavishnu": source.peer})
    client = await connect(node)
    await _works(node, client, sample)
    assert await effect_counts(service, client, earlier) != expected_counts(service, earlier)
    await source.start()
    later = await run_workflows(await connect(source))
    await assert_effects_once(service, client, earlier + later)


@clause(
    "DEGRADATION-014",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A stage on a service that is down holds up its own workflow and no other; it is run once the service is up.",
    services=("mahavishnu", "session-buddy"),
)
async def test_stage_waits_for_its_service(spawn: Spawn, connect: Connect) -> None:
    buddy = await spawn("session-buddy", peers={})
    mahavishnu = await connect(await spawn("mahavishnu", peers={"session-buddy": buddy.peer}))
    await buddy.kill()
    session = fresh_name("s")
    data = {"session_id": session, "project": "degrading"}
    stage = {"name": "open", "service": "session-buddy", "request": "create_session", "data": data}
    held_up = await start_workflow(mahavishnu, [stage, "after"])
    other = await start_workflow(mahavishnu)
    await complete_workflow(mahavishnu, other, "only")
    await wait_for_status(mahavishnu, other, "completed")
    assert (await wait_for_status(mahavishnu, held_up, "running"))["stages_completed"] == 0
    await buddy.start()
    await eventually(partial(_past_stage, mahavishnu, held_up), "the stage is run", RECOVERY, every=0.1)
    held = await (await connect(buddy)).answer("get_session", {"session_id": session})
    assert held.data["project"] == "degrading"
    await complete_workflow(mahavishnu, held_up, "after")


async def _past_stage(mahavishnu: WireClient, workflow: str) -> bool:
    found = (await mahavishnu.answer("get_workflow_status", {"workflow_id": workflow})).data
    assert found["status"] == "running", f"the stage did not wait: {found}"
    return bool(found["stages_completed"] == 1)
