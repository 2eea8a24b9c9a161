"""Bridges through failures: every event takes effect once (protocol 8)."""

import asyncio
from collections.abc import Mapping

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Connect, Spawn
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.cross_service.workflow_effects import assert_effects_once, effect_counts
from bodhisattva.suites.cross_service.workflows import PROPAGATION, complete_workflow, start_workflow

WORKFLOWS = 12
LISTENERS = ("session-buddy", "akosha")
"""One that keeps each workflow by its name, and one that counts whatever comes."""


async def _followers_of(source: Node, spawn: Spawn) -> Mapping[str, Node]:
    """Services that follow the source, by name."""
    started = await asyncio.gather(*(spawn(name, peers={"mahavishnu": source.peer}) for name in LISTENERS))
    return dict(zip(LISTENERS, started, strict=True))


async def _finish(mahavishnu: WireClient, count: int) -> list[str]:
    made = [await start_workflow(mahavishnu) for _ in range(count)]
    for workflow in made:
        await complete_workflow(mahavishnu, workflow, "only")
    return made


async def _crossing(followers: Mapping[str, Node], connect: Connect, first: str) -> None:
    """Wait until a first workflow has taken effect in each; more may be under way."""
    for name, node in followers.items():
        client = await connect(node)

        async def there(name: str = name, client: WireClient = client) -> bool:
            return all(await effect_counts(name, client, [first]))

        await eventually(there, f"a first workflow takes effect in {name}", PROPAGATION)


async def _each_once(followers: Mapping[str, Node], connect: Connect, workflows: list[str]) -> None:
    for name, node in followers.items():
        await assert_effects_once(name, await connect(node), workflows)


@clause(
    "CROSS-008",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="What happened at the source while the bridge's own service was killed takes effect after its return, once.",
    services=("mahavishnu", "session-buddy", "akosha"),
)
async def test_bridge_survives_kill_of_its_service(spawn: Spawn, connect: Connect) -> None:
    source = await spawn("mahavishnu", peers={})
    followers = await _followers_of(source, spawn)
    mahavishnu = await connect(source)
    before = await _finish(mahavishnu, WORKFLOWS)
    await _crossing(followers, connect, before[0])
    for follower in followers.values():
        await follower.kill()
    during = await _finish(mahavishnu, WORKFLOWS)
    for follower in followers.values():
        await follower.start()
    await _each_once(followers, connect, before + during)


@clause(
    "CROSS-009",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A bridge goes on after its source was killed and came back, without a gap and without a repetition.",
    services=("mahavishnu", "session-buddy", "akosha"),
)
async def test_bridge_survives_kill_of_its_source(spawn: Spawn, connect: Connect) -> None:
    source = await spawn("mahavishnu", peers={})
    followers = await _followers_of(source, spawn)
    before = await _finish(await connect(source), WORKFLOWS)
    await _crossing(followers, connect, before[0])
    await source.restart(kill=True)
    after = await _finish(await connect(source), WORKFLOWS)
    await _each_once(followers, connect, before + after)
