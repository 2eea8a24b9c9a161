"""Channels, offsets and going on where one left off (5)."""

import asyncio

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.protocol.event_series import assert_contiguous, perform, receive_series, series_numbers


@clause(
    "PROTOCOL-040",
    level="MUST",
    section="5",
    feature="core",
    profile="core",
    text="A persisted channel's events have the log's epoch and offsets that rise by exactly one.",
)
async def test_offsets_rise_by_one(connect: Connect, sample: RequestSamples) -> None:
    client, writer = await connect(), await connect()
    series = sample.sequence(count=12)
    await perform(writer, series.setup)
    joined = (await client.subscribe(series.channel)).data
    await perform(writer, series.calls)
    received = await receive_series(client, series, sample, 12)
    assert_contiguous(received, joined["offset"])
    assert {event.epoch for event in received} == {joined["epoch"]}
    assert series_numbers(received, series, sample) == list(range(12))


@clause(
    "PROTOCOL-041",
    level="MUST",
    section="5",
    feature="resume",
    profile="durable",
    text="subscribe with since gives all later events, in order, none missing, none twice, after its own answer.",
)
async def test_since_gives_what_was_missed(connect: Connect, sample: RequestSamples) -> None:
    client, writer = await connect(), await connect()
    series = sample.sequence(count=20)
    await perform(writer, series.setup)
    await client.subscribe(series.channel)
    await perform(writer, series.calls[:8])
    last = (await receive_series(client, series, sample, 8))[-1]
    await client.abort()
    await perform(writer, series.calls[8:])
    back = await connect()
    since = {"epoch": last.epoch, "offset": last.offset}
    await back.send(
        {"type": "request", "id": "s", "event": "subscribe", "data": {"channel": series.channel, "since": since}}
    )
    first = await back.take(lambda _: True, "the first frame after subscribe")
    assert (first.correlation_id, first.type, first.data.get("recovered")) == ("s", "response", True)
    missed = await receive_series(back, series, sample, 12)
    assert_contiguous(missed, last.offset)
    assert series_numbers(missed, series, sample) == list(range(8, 20))


@clause(
    "PROTOCOL-042",
    level="MUST",
    section="5",
    feature="resume",
    profile="durable",
    text="Where the log cannot go on (another epoch, an offset it never had), recovered is false, and the answer "
    "has the offset from which it goes on.",
)
async def test_what_the_log_does_not_hold(connect: Connect, sample: RequestSamples) -> None:
    writer = await connect()
    series = sample.sequence(count=4)
    await perform(writer, (*series.setup, *series.calls[:3]))
    now = (await writer.subscribe(series.channel)).data
    for since in ({"epoch": "another", "offset": 1}, {"epoch": now["epoch"], "offset": now["offset"] + 100_000}):
        client = await connect()
        joined = (await client.subscribe(series.channel, since)).data
        assert joined["recovered"] is False, f"since {since}: {joined}"
        assert joined["epoch"] == now["epoch"]
        assert joined["offset"] >= now["offset"]
        early = [e for e in await client.fence() if e.room == series.channel and e.offset <= joined["offset"]]
        assert not early, f"events from before the offset that was named: {early}"


@clause(
    "PROTOCOL-043",
    level="MUST",
    section="5",
    feature="resume",
    profile="durable",
    text="What is missed comes before what happens meanwhile: one unbroken order across both.",
)
async def test_replay_comes_before_live(connect: Connect, node: Node, sample: RequestSamples) -> None:
    count = min(60, int((await node.limits())["burst"]) * 3 // 4)
    writer, *clients = [await connect() for _ in range(9)]
    series = sample.sequence(count=count)
    await perform(writer, series.setup)
    start = (await writer.subscribe(series.channel)).data
    since = {"epoch": start["epoch"], "offset": start["offset"]}
    await perform(writer, series.calls[: count // 3])
    writing = asyncio.create_task(perform(writer, series.calls[count // 3 :]))
    for client in clients:
        await client.subscribe(series.channel, since)
    await writing
    for client in clients:
        received = await receive_series(client, series, sample, count)
        assert_contiguous(received, start["offset"])
        assert series_numbers(received, series, sample) == list(range(count))


@clause(
    "PROTOCOL-044",
    level="MUST",
    section="5",
    feature="core",
    profile="core",
    text="global carries every persisted event of the service, each once, in offsets of its own.",
)
async def test_global_carries_everything(connect: Connect, sample: RequestSamples) -> None:
    client, writer = await connect(), await connect()
    joined = (await client.subscribe("global")).data
    for n in range(3):
        await writer.answer(*sample.command(n))
    recorded = 3 * len(sample.records)
    everything = await client.settled(recorded, lambda e: any(sample.concerns(e, n) for n in range(3)))
    assert {e.room for e in everything} == {"global"}
    assert_contiguous(everything, joined["offset"])
    for n in range(3):
        assert [e.event for e in everything if sample.concerns(e, n)] == list(sample.records)


@clause(
    "PROTOCOL-045",
    level="MUST",
    section="5",
    feature="core",
    profile="core",
    text="A client that is not on a channel gets none of its events; each subscriber gets each event once, however "
    "many there are.",
)
async def test_only_subscribers_receive_events(connect: Connect, sample: RequestSamples) -> None:
    writer, outsider = await connect(), await connect()
    subscribers = [await connect() for _ in range(3)]
    for client in (*subscribers, subscribers[0]):
        await client.subscribe(sample.channel())
    await writer.answer(*sample.command())

    def is_delivered(event: Envelope) -> bool:
        return sample.concerns(event) and event.event == sample.event

    assert not await outsider.fence()
    assert not await writer.fence()
    for client in subscribers:
        received = [e for e in await client.settled(1, is_delivered) if is_delivered(e)]
        assert [e.room for e in received] == [sample.channel()], f"delivered {len(received)} times"


@clause(
    "PROTOCOL-046",
    level="MUST",
    section="5",
    feature="core",
    profile="core",
    text="A subscriber of two channels gets each of them whole and in order.",
)
async def test_two_channels_each_in_order(connect: Connect, sample: RequestSamples) -> None:
    writer, client = await connect(), await connect()
    series = sample.sequence(count=15)
    await perform(writer, series.setup)
    single = (await client.subscribe(series.channel)).data["offset"]
    both = (await client.subscribe("global")).data["offset"]
    await perform(writer, series.calls)
    received = await client.settled(30, lambda e: e.event == series.event and sample.concerns(e))
    own = [e for e in received if e.room == series.channel]
    everything = [e for e in received if e.room == "global"]
    assert_contiguous(own, single)
    assert_contiguous(everything, both)
    assert series_numbers(own, series, sample) == series_numbers(everything, series, sample) == list(range(15))


@clause(
    "PROTOCOL-047",
    level="MUST",
    section="5",
    feature="ephemeral",
    profile="live",
    text="An ephemeral event reaches the channel's subscribers, without offset; global and history do not have it.",
    services=("excalidraw",),
)
async def test_ephemeral_events(connect: Connect, sample: RequestSamples) -> None:
    ephemeral = sample.ephemeral()
    assert ephemeral is not None
    writer, client = await connect(), await connect()
    await perform(writer, ephemeral.setup)
    joined = await client.subscribe(ephemeral.channel)
    assert "offset" not in joined.data
    await client.subscribe("global")
    await writer.answer(*ephemeral.call)
    received = await client.event(ephemeral.event, ephemeral.channel)
    assert (received.offset, received.epoch) == (None, None)
    assert not [e for e in await client.fence() if e.event == ephemeral.event], "delivered twice, or on global"
    assert (await client.refusal("history", {"channel": ephemeral.channel})).error_code == "INVALID_CHANNEL"


@clause(
    "PROTOCOL-048",
    level="MUST",
    section="5",
    feature="resume",
    profile="durable",
    text="An event that is replayed is the event that was live: same id, data, time, offset and epoch.",
)
async def test_replayed_event_is_the_live_one(connect: Connect, sample: RequestSamples) -> None:
    writer, live, late = await connect(), await connect(), await connect()
    series = sample.sequence(count=5)
    await perform(writer, series.setup)
    start = (await live.subscribe(series.channel)).data
    await perform(writer, series.calls)
    await late.subscribe(series.channel, {"epoch": start["epoch"], "offset": start["offset"]})
    first, again = [await receive_series(client, series, sample, 5) for client in (live, late)]
    assert [event.raw for event in again] == [event.raw for event in first]


@clause(
    "PROTOCOL-049",
    level="MUST",
    section="5",
    feature="resume",
    profile="durable",
    text="A client that has missed nothing gets recovered true and nothing is sent again; what comes is live.",
)
async def test_nothing_was_missed(connect: Connect, sample: RequestSamples) -> None:
    writer, client = await connect(), await connect()
    series = sample.sequence(count=4)
    await perform(writer, (*series.setup, *series.calls[:3]))
    now = (await writer.subscribe(series.channel)).data
    joined = (await client.subscribe(series.channel, {"epoch": now["epoch"], "offset": now["offset"]})).data
    assert (joined["recovered"], joined["offset"]) == (True, now["offset"])
    await perform(writer, series.calls[3:])
    received = await client.settled(1, lambda e: e.event == series.event and sample.concerns(e))
    assert_contiguous(received, now["offset"])
    assert series_numbers(received, series, sample) == [3]
