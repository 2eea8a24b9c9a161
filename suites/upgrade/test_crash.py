"""kill -9: what was answered has happened, and happened once (1.2, 5)."""

import time

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.suites.upgrade.event_history import (
    answered_ids,
    assert_contiguous_history,
    read_history,
    send_all,
    series_numbers,
)

FAST = {"messages_per_second": 10_000}
IN_FLIGHT = 500
ENOUGH = 20
MOMENTS = (0.0, 0.5, 0.7, 0.8, 0.9)
"""Of a start, as shares of its duration; the first half of it is Python's own."""


@clause(
    "UPGRADE-003",
    level="MUST",
    section="5",
    feature="durable",
    profile="durable",
    text="After kill -9 with commands in flight, the event of each answered command is in the history once, in order, "
    "and what subscribers saw keeps its epoch and offset.",
)
async def test_answered_commands_survive_kill(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(limits=FAST)
    client, observer = await connect(node), await connect(node)
    series = sample.sequence(count=IN_FLIGHT)
    for call in series.setup:
        await client.answer(*call)
    await observer.subscribe(series.channel)
    names = await send_all(client, series)
    await eventually(lambda: len(answered_ids(client)) >= ENOUGH, f"{ENOUGH} answers", every=0.001)
    await node.kill()
    await client.closed()
    await observer.closed()
    promised = {names.index(name) for name in answered_ids(client)}
    received = {(e.epoch, e.offset, e.id) for e in observer.inbox if e.type == "event" and e.room == series.channel}
    await node.start()
    events = await read_history(await connect(node), series.channel)
    assert_contiguous_history(events, node)
    kept = series_numbers(events, series, sample)
    assert kept == list(range(len(kept))), "not in the order of the commands, or not once each"
    assert promised <= set(kept), f"answered and forgotten: {sorted(promised - set(kept))}"
    forgotten = received - {(event["epoch"], event["offset"], event["id"]) for event in events}
    assert not forgotten, f"delivered to a subscriber, then lost or renumbered: {forgotten}"


@clause(
    "UPGRADE-004",
    level="MUST",
    section="1.2",
    feature="deduplication",
    profile="durable",
    text="Commands that kill -9 interrupted can all be sent again under their ids, and take effect once each.",
)
async def test_interrupted_commands_can_be_sent_again(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(limits=FAST)
    client = await connect(node)
    series = sample.sequence(count=IN_FLIGHT)
    for call in series.setup:
        await client.answer(*call)
    await send_all(client, series)
    await eventually(lambda: len(answered_ids(client)) >= ENOUGH, f"{ENOUGH} answers", every=0.001)
    await node.restart(kill=True)
    client = await connect(node)
    names = await send_all(client, series)
    for name in names:
        reply = await client.reply(name)
        assert reply.type == "response", f"the retry of {name} was refused: {reply!r}"
    kept = series_numbers(await read_history(client, series.channel), series, sample)
    assert kept == list(range(IN_FLIGHT))


@clause(
    "UPGRADE-005",
    level="MUST",
    section="1.2",
    feature="deduplication",
    profile="durable",
    text="A command that was answered before kill -9 gets the first answer again, and records nothing more.",
)
async def test_deduplication_survives_kill(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh()
    client = await connect(node)
    first = await client.answer(*sample.command(), id=sample.key("once"))
    before = await read_history(client, "global")
    await node.restart(kill=True)
    client = await connect(node)
    again = await client.answer(*sample.command(), id=sample.key("once"))
    assert again.data == first.data
    assert await read_history(client, "global") == before


@clause(
    "UPGRADE-006",
    level="MUST",
    section="5",
    feature="durable",
    profile="durable",
    text="A service that is killed again and again while it starts comes up with all that it had.",
)
async def test_kill_while_starting_loses_nothing(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(cold=True)
    client = await connect(node)
    for n in range(3):
        await client.answer(*sample.command(n))
    before = await read_history(client, "global")
    begun = time.monotonic()
    await node.restart(kill=True)
    took = time.monotonic() - begun
    for share in MOMENTS:
        await node.kill()
        instant = time.monotonic() + share * took
        await node.start(wait=False)
        await eventually(lambda instant=instant: time.monotonic() > instant, "a moment of the start", 2 * took)  # type: ignore[misc]
    await node.restart(kill=True)
    assert await read_history(await connect(node), "global") == before
