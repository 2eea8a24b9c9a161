"""A bridge of which several replicas each follow the source (8)."""

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Connect, Spawn
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.cross_service.workflows import PROPAGATION, fresh_name
from bodhisattva.suites.replicas.cluster import OUTAGE_DETECTION, Start, wait_for_ready_status

REPORTS = 12


async def _report(crackerjack: WireClient, project: str, shares: range) -> None:
    for share in shares:
        coverage = {"project": project, "line_coverage": share, "branch_coverage": 50.0, "path_coverage": 40.0}
        await crackerjack.answer("record_coverage", coverage)


async def _arrived(akosha: WireClient, project: str, last: int) -> list[float]:
    """The series as it is once the last report has crossed."""

    async def there() -> list[float] | None:
        reply = await akosha.request("get_series", {"series": f"crackerjack.coverage.{project}", "limit": 1000})
        values = [point["value"] for point in reply.data.get("points", [])]
        return values if last in values else None

    values: list[float] = await eventually(there, f"{last} of {project} in akosha", PROPAGATION)
    return values


@clause(
    "REPLICAS-020",
    level="MUST",
    section="8",
    feature="replicas",
    profile="scaled",
    text="What crosses a bridge takes effect once, although every replica of the following service follows the "
    "source, and also when one of them is killed.",
    services=("crackerjack", "akosha"),
)
async def test_each_event_crosses_once(spawn: Spawn, cluster: Start, connect: Connect) -> None:
    source = await spawn("crackerjack", peers={})
    one, two = (await cluster("akosha", peers={"crackerjack": source.peer})).replicas
    crackerjack, akosha = await connect(source), await connect(two)
    project = fresh_name("p")
    stages = [range(n * REPORTS, (n + 1) * REPORTS) for n in range(3)]
    await _report(crackerjack, project, stages[0])
    await _arrived(akosha, project, stages[0][-1])
    await one.kill()
    await _report(crackerjack, project, stages[1])
    await one.start()
    await _report(crackerjack, project, stages[2])
    values = await _arrived(akosha, project, stages[2][-1])
    assert values == [float(share) for stage in stages for share in stage], "not once each, in order"


@clause(
    "REPLICAS-021",
    level="MUST",
    section="8",
    feature="replicas",
    profile="scaled",
    text="A bridge whose source lost the end of its log, and has a new epoch, goes on with what is new there: what "
    "took effect before does not again, whether the source still has it or not.",
    services=("crackerjack", "akosha"),
)
async def test_source_is_put_back(spawn: Spawn, cluster: Start, connect: Connect) -> None:
    held = await cluster("crackerjack", 1, peers={})
    (source,) = held.replicas
    akosha = await connect(await spawn("akosha", peers={"crackerjack": source.peer}))
    project = fresh_name("p")
    stages = [range(n * REPORTS, (n + 1) * REPORTS) for n in range(3)]
    epochs, values = [], []
    for stage, before in zip(stages, (None, held.store.back_up, held.store.restore), strict=True):
        if before is not None:
            await held.store.kill()
            await wait_for_ready_status(source, 503)
            before()
            await held.store.start()
            await wait_for_ready_status(source, 200)
        crackerjack = await connect(source)
        epochs.append((await crackerjack.subscribe("global")).data["epoch"])
        await _report(crackerjack, project, stage)
        values = await _arrived(akosha, project, stage[-1])
    assert epochs[0] == epochs[1] != epochs[2], "the log that lost its end kept its epoch"
    assert values == [float(share) for stage in stages for share in stage], "not once each, in order"


@clause(
    "REPLICAS-022",
    level="MUST",
    section="8",
    feature="replicas",
    profile="scaled",
    text="A bridge notices that its source was put back to an earlier state also where the log kept its epoch and has "
    "grown beyond the bridge's position: all that is new takes effect, once.",
    services=("crackerjack", "akosha"),
)
async def test_source_is_put_back_and_outgrows_the_bridge(spawn: Spawn, cluster: Start, connect: Connect) -> None:
    held = await cluster("crackerjack", 1, peers={})
    (source,) = held.replicas
    follower = await spawn("akosha", peers={"crackerjack": source.peer})
    akosha = await connect(follower)
    project = fresh_name("p")
    stages = [range(REPORTS), range(REPORTS, 2 * REPORTS), range(2 * REPORTS, 4 * REPORTS)]
    await _report(await connect(source), project, stages[0])
    held.store.back_up()
    crackerjack = await connect(source)
    before = (await crackerjack.subscribe("global")).data
    await _report(crackerjack, project, stages[1])
    await _arrived(akosha, project, stages[1][-1])
    await follower.pause()
    await source.stop()
    await held.put_back()
    await source.start()
    crackerjack = await connect(source)
    assert (await crackerjack.subscribe("global")).data == {**before, "recovered": False}, "it is another log"
    await _report(crackerjack, project, stages[2])
    await follower.resume()
    values = await _arrived(await connect(follower), project, stages[2][-1])
    assert values == [float(share) for stage in stages for share in stage], "not once each, in order"


@clause(
    "REPLICAS-023",
    level="MUST",
    section="8",
    feature="replicas",
    profile="scaled",
    text="Where the source was put back under its epoch and has come as far again, a replica of the following "
    "service that is late counts nothing again of what another has taken in.",
    services=("crackerjack", "akosha"),
)
async def test_late_replica_counts_nothing_again(spawn: Spawn, cluster: Start, connect: Connect) -> None:
    held = await cluster("crackerjack", 1, peers={})
    (source,) = held.replicas
    one, two = (await cluster("akosha", peers={"crackerjack": source.peer})).replicas
    project = fresh_name("p")
    stages = [range(n * REPORTS, (n + 1) * REPORTS) for n in range(4)]
    await _report(await connect(source), project, stages[0])
    held.store.back_up()
    await _report(await connect(source), project, stages[1])
    for node in (one, two):
        await _arrived(await connect(node), project, stages[1][-1])
    await source.stop()
    await held.put_back()
    await source.start()
    crackerjack = await connect(source)
    await _bridges_connected(crackerjack, 2)
    await two.pause()
    await _report(crackerjack, project, stages[2])
    await _arrived(await connect(one), project, stages[2][-1])
    await two.resume()
    await _report(crackerjack, project, stages[3])
    for node in (one, two):
        values = await _arrived(await connect(node), project, stages[3][-1])
        assert values == [float(share) for stage in stages for share in stage], "not once each, in order"


@clause(
    "REPLICAS-024",
    level="MUST",
    section="8",
    feature="replicas",
    profile="scaled",
    text="A following service that lost the end of its own log, and with it the effect of what had crossed, gets "
    "that again: it takes effect, once.",
    services=("crackerjack", "akosha"),
)
async def test_restored_follower_catches_up(spawn: Spawn, cluster: Start, connect: Connect) -> None:
    source = await spawn("crackerjack", peers={})
    held = await cluster("akosha", 1, peers={"crackerjack": source.peer})
    (follower,) = held.replicas
    crackerjack, akosha = await connect(source), await connect(follower)
    project = fresh_name("p")
    stages = [range(n * REPORTS, (n + 1) * REPORTS) for n in range(3)]
    await _report(crackerjack, project, stages[0])
    await _arrived(akosha, project, stages[0][-1])
    held.store.back_up()
    await _report(crackerjack, project, stages[1])
    await _arrived(akosha, project, stages[1][-1])
    await akosha.subscribe("global")
    await held.put_back()
    await akosha.closed(within=OUTAGE_DETECTION)
    akosha = await connect(follower)
    await _arrived(akosha, project, stages[1][-1])
    await _report(crackerjack, project, stages[2])
    values = await _arrived(akosha, project, stages[2][-1])
    assert values == [float(share) for stage in stages for share in stage], "not once each, in order"


async def _bridges_connected(source: WireClient, number: int) -> None:
    """Wait until so many bridges of akosha listen: each subscribes once it knows where it goes on."""

    async def so() -> bool:
        members = (await source.answer("presence", {"channel": "global"})).data["members"]
        return [member["user_id"] for member in members].count("akosha") == number

    await eventually(so, f"{number} connected bridges", PROPAGATION)
