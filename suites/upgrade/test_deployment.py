"""A first start on nothing, and a restart on what there is (5, 7)."""

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.suites.upgrade.event_history import assert_contiguous_history, read_history

COMMANDS = 5


@clause(
    "UPGRADE-001",
    level="MUST",
    section="5",
    feature="history",
    profile="durable",
    text="A service that is started on an empty folder is ready, remembers nothing, and its offsets begin at 1.",
    baseline="TestUpgradeScenarios::clean_deployment",
)
async def test_clean_deployment(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node, other = await fresh(), await fresh()
    client = await connect(node)
    empty = (await client.answer("history", {"channel": sample.channel()})).data
    assert (empty["events"], empty["offset"]) == ([], 0)
    await client.refusal(*sample.readback().call)
    await client.answer(*sample.command())
    events = await read_history(client, sample.channel())
    assert [event["event"] for event in events] == [sample.event]
    assert_contiguous_history(events, node)
    assert events[0]["epoch"] == empty["epoch"]
    elsewhere = (await (await connect(other)).answer("history", {"channel": sample.channel()})).data
    assert elsewhere["epoch"] != empty["epoch"], "two logs have the same epoch"
    assert elsewhere["events"] == []


@clause(
    "UPGRADE-002",
    level="MUST",
    section="5",
    feature="durable",
    profile="durable",
    text="State and history are the same after a restart: ids, offsets, epoch, data; and offsets go on from there.",
    baseline="TestUpgradeScenarios::data_preserved_across_restart",
)
async def test_data_preserved_across_restart(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh()
    client = await connect(node)
    for n in range(COMMANDS):
        await client.answer(*sample.command(n))
    before = await read_history(client, "global")
    assert_contiguous_history(before, node)
    assert len(before) >= COMMANDS
    await node.restart()
    client = await connect(node)
    assert await read_history(client, "global") == before
    for n in range(COMMANDS):
        back = sample.readback(n)
        back.check(await client.answer(*back.call))
    await client.answer(*sample.command(COMMANDS))
    after = await read_history(client, "global")
    assert after[: len(before)] == before
    assert len(after) > len(before)
    assert_contiguous_history(after, node)
