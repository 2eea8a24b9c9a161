"""Bridges through failures: every event takes effect once (contract 8)."""

from bodhisattva.fixtures.authors import Connect, Spawn
from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.cross_service.journeys import CROSSING, complete, knowledge_about, start

WORKFLOWS = 12


async def _finish(mahavishnu: WireClient, count: int) -> list[str]:
    made = [await start(mahavishnu) for _ in range(count)]
    for workflow in made:
        await complete(mahavishnu, workflow, "only")
    return made


async def _each_once(buddy: WireClient, workflows: list[str]) -> None:
    async def last_there() -> bool:
        return bool(await knowledge_about(buddy, workflows[-1]))

    await eventually(last_there, "the last workflow is captured", CROSSING)
    counts = {workflow: len(await knowledge_about(buddy, workflow)) for workflow in workflows}
    assert counts == dict.fromkeys(workflows, 1)


@clause(
    "CROSS-008",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="What happened at the source while the bridge's own service was killed takes effect after its return, once.",
    services=("mahavishnu", "session-buddy"),
)
async def test_bridge_survives_kill_of_its_service(spawn: Spawn, connect: Connect) -> None:
    source = await spawn("mahavishnu", peers={})
    bridge = await spawn("session-buddy", peers={"mahavishnu": source.peer})
    mahavishnu = await connect(source)
    before = await _finish(mahavishnu, WORKFLOWS)
    await bridge.kill()
    during = await _finish(mahavishnu, WORKFLOWS)
    await bridge.start()
    await _each_once(await connect(bridge), before + during)


@clause(
    "CROSS-009",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A bridge goes on after its source was killed and came back, without a gap and without a repetition.",
    services=("mahavishnu", "session-buddy"),
)
async def test_bridge_survives_kill_of_its_source(spawn: Spawn, connect: Connect) -> None:
    source = await spawn("mahavishnu", peers={})
    bridge = await spawn("session-buddy", peers={"mahavishnu": source.peer})
    before = await _finish(await connect(source), WORKFLOWS)
    await source.restart(kill=True)
    after = await _finish(await connect(source), WORKFLOWS)
    await _each_once(await connect(bridge), before + after)
