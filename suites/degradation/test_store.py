"""A service whose disk takes nothing more (6)."""

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.protocol.event_series import assert_contiguous

NOTICED = 3.0
BACK = 15.0
"""Units within which a service goes on once its store is back."""


async def _ready(node: Node) -> bool:
    return (await node.http("/ready")).status == 200


@clause(
    "DEGRADATION-020",
    level="MUST",
    section="6",
    feature="own_store",
    profile="durable",
    text="Without its store a service lives and is not ready: /health is 200, /ready 503, and commands are answered "
    "UNAVAILABLE; with it again it is ready by itself, without a restart.",
)
async def test_not_ready_without_store(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh()
    client = await connect(node)
    await node.break_store()
    for n in range(3):
        assert (await client.refusal(*sample.command(n))).error_code == "UNAVAILABLE"
    assert (await node.http("/health")).status == 200
    assert not await _ready(node), "/ready is 200 without a store"
    await node.mend_store()
    await eventually(lambda: _ready(node), "/ready with the store back", BACK)
    await client.answer(*sample.command(3))
    sample.readback(3).check(await client.answer(*sample.readback(3).call))


@clause(
    "DEGRADATION-173",
    level="MUST",
    section="6",
    feature="own_store",
    profile="durable",
    text="A service whose disk takes nothing more is not ready, though no command is sent.",
)
async def test_full_disk_is_noticed(fresh: Fresh) -> None:
    async def unready() -> bool:
        return not await _ready(node)

    node = await fresh()
    assert await _ready(node)
    await node.break_store()
    await eventually(unready, "/ready without a store", NOTICED)
    assert (await node.http("/health")).status == 200
    await node.mend_store()
    await eventually(lambda: _ready(node), "/ready with the store back", BACK)


@clause(
    "DEGRADATION-021",
    level="MUST",
    section="1.2",
    feature="own_store",
    profile="durable",
    text="A command that was answered UNAVAILABLE for want of a store has not happened: no subscriber gets its "
    "event, and once the store is back it is done under its id, once, and without a gap in the offsets.",
)
@pytest.mark.parametrize("kill", [False, True], ids=["as it is", "after kill -9"])
async def test_refused_for_want_of_store_is_not_done(
    fresh: Fresh, connect: Connect, sample: RequestSamples, *, kill: bool
) -> None:
    node = await fresh()
    client, reader = await connect(node), await connect(node)
    await client.answer(*sample.command(0))
    joined = (await reader.subscribe("global")).data
    await node.break_store()
    for _ in range(2):
        refused = await client.refusal(*sample.command(1), id=sample.key("again"))
        assert refused.error_code == "UNAVAILABLE"
    assert not await reader.fence(), "events of a refused command"
    await node.mend_store()
    if kill:
        await node.restart(kill=True)
        client, reader = await connect(node), await connect(node)
        since = {"epoch": joined["epoch"], "offset": joined["offset"]}
        assert (await reader.subscribe("global", since)).data["recovered"] is True
    await eventually(lambda: _ready(node), "/ready with the store back", BACK)
    first = await client.answer(*sample.command(1), id=sample.key("again"))
    assert (await client.answer(*sample.command(1), id=sample.key("again"))).data == first.data
    received = await reader.fence()
    assert_contiguous(received, joined["offset"])
    assert [event.event for event in received if sample.concerns(event, 1)] == list(sample.records)
