"""The effects of mahavishnu's workflows in each of the services that follow it (protocol 8)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bodhisattva.fixtures.certificates import Authority
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Spawn
from bodhisattva.fixtures.outcome import NotAllowed
from bodhisattva.fixtures.stack.base import Stack
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.cross_service.workflows import captured_knowledge, complete_workflow, start_workflow
from bodhisattva.suites.upgrade.event_history import read_history

RECOVERY = 25.0
"""Units within which a service finds a source that has come back and catches up."""

PAUSE = 0.02
"""Seconds for each workflow, so that repeated queries stay within the message rate."""

WORKFLOWS = 3


async def spawn_source(fleet: Stack, spawn: Spawn, certificates: Authority | None = None, **overrides: Any) -> Node:
    """A mahavishnu of the test's own. certificates: the authority of its clients' certificates."""
    if "mahavishnu" not in fleet.nodes:
        raise NotAllowed("this run has no mahavishnu to follow")
    if certificates is None:
        return await spawn("mahavishnu", peers={}, **overrides)
    node = await spawn("mahavishnu", wait=False, peers={}, **overrides)
    node.trust = certificates.trust(certificates.client())
    await node.ready()
    return node


async def run_workflows(mahavishnu: WireClient) -> list[str]:
    """Run `WORKFLOWS` workflows to their end; their ids."""
    made = [await start_workflow(mahavishnu) for _ in range(WORKFLOWS)]
    for workflow in made:
        await complete_workflow(mahavishnu, workflow, "only")
    return made


async def _in_akosha(client: WireClient, _: Sequence[str]) -> list[int]:
    """akosha keeps no names, but of all that ended the durations, and whether they failed."""
    counts = []
    for kept in ("duration_seconds", "failures"):
        reply = await client.request("get_series", {"series": f"mahavishnu.workflow.{kept}", "limit": 1000})
        counts.append(reply.data.get("total", 0))
    return counts


async def _in_session_buddy(client: WireClient, workflows: Sequence[str]) -> list[int]:
    return [len(await captured_knowledge(client, workflow)) for workflow in workflows]


async def _in_fastblocks(client: WireClient, workflows: Sequence[str]) -> list[int]:
    """How often each workflow's component was shown as completed."""
    updates: list[Any] = [event["data"] for event in await read_history(client, "ui:workflows")]
    completed = [each["component_id"] for each in updates if each["changed_props"].get("status") == "completed"]
    return [completed.count(f"workflow-{workflow}") for workflow in workflows]


_EFFECT_COUNTS: Mapping[str, Callable[[WireClient, Sequence[str]], Awaitable[list[int]]]] = {
    "akosha": _in_akosha,
    "session-buddy": _in_session_buddy,
    "fastblocks": _in_fastblocks,
}


async def effect_counts(service: str, client: WireClient, workflows: Sequence[str]) -> list[int]:
    """How often the workflows took effect in a service, each by itself or (akosha) all together in each series."""
    return await _EFFECT_COUNTS[service](client, workflows)


def expected_counts(service: str, workflows: Sequence[str]) -> list[int]:
    """What `traces` has to give when every workflow took effect once."""
    return [len(workflows)] * 2 if service == "akosha" else [1] * len(workflows)


async def assert_effects_once(service: str, client: WireClient, workflows: list[str]) -> None:
    """Every workflow takes effect, and once."""

    async def all_there() -> bool:
        received = await effect_counts(service, client, workflows)
        return all(times >= due for times, due in zip(received, expected_counts(service, workflows), strict=True))

    await eventually(all_there, f"{len(workflows)} workflows take effect", RECOVERY, every=PAUSE * len(workflows))
    assert await effect_counts(service, client, workflows) == expected_counts(service, workflows)
