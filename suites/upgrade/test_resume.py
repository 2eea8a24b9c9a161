"""Subscriptions that go on over a restart (5)."""

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples

EACH = 10


async def _resumed_over_restart(fresh: Fresh, connect: Connect, sample: RequestSamples, *, kill: bool) -> None:
    node = await fresh()
    series = sample.sequence(count=3 * EACH)
    writer, reader = await connect(node), await connect(node)
    for call in series.setup:
        await writer.answer(*call)
    await reader.subscribe(series.channel)
    for call in series.calls[:EACH]:
        await writer.answer(*call)
    received = await reader.events(EACH, series.event, series.channel)
    await node.restart(kill=kill)
    writer, reader = await connect(node), await connect(node)
    for call in series.calls[EACH : 2 * EACH]:
        await writer.answer(*call)
    last = {"epoch": received[-1].epoch, "offset": received[-1].offset}
    resumed = (await reader.subscribe(series.channel, since=last)).data
    assert resumed["recovered"] is True
    assert resumed["epoch"] == last["epoch"]
    for call in series.calls[2 * EACH :]:
        await writer.answer(*call)
    received += await reader.events(2 * EACH, series.event, series.channel)
    more = [event for event in await reader.fence() if event.room == series.channel]
    assert not more, f"more than was recorded: {more}"
    assert [series.number(event) for event in received] == list(range(3 * EACH))
    first = received[0].offset
    assert [event.offset for event in received] == list(range(first, first + 3 * EACH))
    assert len({event.id for event in received}) == len(received)


@clause(
    "UPGRADE-007",
    level="MUST",
    section="5",
    feature="resume",
    profile="durable",
    text="A subscription that resumes after a restart gets every event once, in order, with unbroken offsets.",
)
async def test_subscription_resumes_over_restart(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    await _resumed_over_restart(fresh, connect, sample, kill=False)


@clause(
    "UPGRADE-008",
    level="MUST",
    section="5",
    feature="resume",
    profile="durable",
    text="A subscription that resumes after kill -9 gets every event once, in order, with unbroken offsets.",
)
async def test_subscription_resumes_over_kill(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    await _resumed_over_restart(fresh, connect, sample, kill=True)
