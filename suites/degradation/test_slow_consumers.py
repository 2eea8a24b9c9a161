"""Clients that do not take what is sent to them (4)."""

import asyncio

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import PATIENCE
from bodhisattva.fixtures.fixture_types import Connect, Fresh, Raw
from bodhisattva.fixtures.request_samples import Call, RequestSamples
from bodhisattva.suites.degradation.stalled_reader import (
    HIGH_MESSAGE_RATE,
    LARGE_SEND_BUFFER,
    LONG_PING_TIMEOUTS,
    PIECES,
    fill_send_buffer,
    flood_until,
    has_free_slot,
    slow_consumer_count,
    stalled_reader,
)
from bodhisattva.suites.performance.many_connections import UNDER_LOAD, assert_received_whole, responses, send_pipelined
from bodhisattva.suites.protocol.event_series import perform

SLOW_CONSUMER = 4008
AT_CAPACITY = 1013
EVENTS = 100
PAGES = 600


@clause(
    "DEGRADATION-004",
    level="MUST",
    section="4",
    feature="metrics",
    profile="operable",
    text="A client for which more than the claimed bytes wait is closed 4008, and the metrics count it.",
)
async def test_slow_consumer_is_closed(fresh: Fresh, raw: Raw, sample: RequestSamples) -> None:
    node = await fresh(
        limits={**HIGH_MESSAGE_RATE, "queue_bytes": 256 * 1024, "queue_age": 120}, timeouts=LONG_PING_TIMEOUTS
    )
    stalled, _ = await stalled_reader(raw, node, sample.channel())

    async def counted() -> bool:
        return await slow_consumer_count(node) == 1

    await flood_until(stalled, counted, "the metrics count a slow consumer", every=0.05)
    assert (await stalled.closed(UNDER_LOAD)).code == SLOW_CONSUMER


@clause(
    "DEGRADATION-005",
    level="MUST",
    section="4",
    feature="presence",
    profile="live",
    text="A client that takes nothing for longer than the claimed age loses its slot and its channels, however little "
    "waits for it; other subscribers of the channel get every event, in order.",
)
async def test_slot_of_slow_consumer_is_freed(fresh: Fresh, raw: Raw, connect: Connect, sample: RequestSamples) -> None:
    limits = {**HIGH_MESSAGE_RATE, "connections": 3, "queue_bytes": LARGE_SEND_BUFFER, "queue_age": 1}
    node = await fresh(limits=limits, timeouts=LONG_PING_TIMEOUTS)
    writer, reader = await connect(node), await connect(node)
    series = sample.sequence(count=EVENTS)
    await perform(writer, series.setup)
    joined = (await reader.subscribe(series.channel)).data
    stalled, connection = await stalled_reader(raw, node, series.channel)
    assert (await (await connect(node, authenticate=False)).closed()).code == AT_CAPACITY
    freed = flood_until(
        stalled, lambda: has_free_slot(connect, node), "the slot of a client that takes nothing", every=0.1
    )
    await asyncio.gather(freed, perform(writer, series.calls))
    await assert_received_whole(reader, series, sample, EVENTS, after=joined)
    members = (await writer.answer("presence", {"channel": series.channel})).data["members"]
    assert connection not in {member["connection_id"] for member in members}, "who is gone is still on the channel"
    assert (await node.http("/ready")).status == 200


@clause(
    "DEGRADATION-006",
    level="MUST",
    section="4",
    feature="core",
    profile="live",
    text="While output waits for a client that does not read, others are answered and get every event; and when it "
    "reads on within the claimed limits, it gets all that waited, in order.",
)
async def test_waiting_output_delays_nobody(fresh: Fresh, raw: Raw, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(
        limits={**HIGH_MESSAGE_RATE, "queue_bytes": LARGE_SEND_BUFFER, "queue_age": 120}, timeouts=LONG_PING_TIMEOUTS
    )
    writer, reader = await connect(node), await connect(node)
    series = sample.sequence(count=EVENTS)
    await perform(writer, series.setup)
    joined = (await reader.subscribe(series.channel)).data
    stalled, _ = await stalled_reader(raw, node, series.channel)
    await fill_send_buffer(stalled, writer, sample)
    await responses(writer, await send_pipelined(writer, series.calls))
    await assert_received_whole(reader, series, sample, EVENTS, after=joined)
    received: list[int] = []
    pongs = 0
    while len(received) < EVENTS or pongs < PIECES:
        envelope = await stalled.envelope(PATIENCE)
        pongs += envelope.type == "pong"
        if envelope.event == series.event and sample.concerns(envelope):
            received.append(series.number(envelope))
    assert received == list(range(EVENTS))


@clause(
    "DEGRADATION-015",
    level="MAY",
    section="5",
    feature="ephemeral",
    profile="live",
    text="A client that is behind gets the newest ephemeral event about something instead of each.",
    services=("excalidraw",),
)
async def test_ephemeral_events_are_coalesced(fresh: Fresh, raw: Raw, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(
        limits={**HIGH_MESSAGE_RATE, "queue_bytes": LARGE_SEND_BUFFER, "queue_age": 120}, timeouts=LONG_PING_TIMEOUTS
    )
    ephemeral = sample.ephemeral()
    assert ephemeral is not None
    writer = await connect(node)
    await perform(writer, ephemeral.setup)
    slow, _ = await stalled_reader(raw, node, ephemeral.channel)
    await fill_send_buffer(slow, await connect(node), sample)
    moves = [Call(ephemeral.call.event, {**ephemeral.call.data, "position": {"x": n, "y": 0}}) for n in range(EVENTS)]
    await perform(writer, moves)
    received: list[float] = []
    pongs = 0
    while pongs < PIECES or not received:
        envelope = await slow.envelope(PATIENCE)
        pongs += envelope.type == "pong"
        if envelope.event == ephemeral.event:
            received.append(envelope.data["position"]["x"])
    assert received[-1] == EVENTS - 1
    assert len(received) < EVENTS


@clause(
    "DEGRADATION-016",
    level="MUST",
    section="4",
    feature="history",
    profile="durable",
    text="A client that requests much history at once, and takes what comes, is answered each time: it is no slow "
    "consumer, however little may wait for it.",
)
async def test_much_history_at_once(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(limits={**HIGH_MESSAGE_RATE, "queue_bytes": 256 * 1024})
    client = await connect(node)
    series = sample.sequence(count=EVENTS)
    await perform(client, (*series.setup, *series.calls))
    ids = [str(number) for number in range(PAGES)]
    for name in ids:
        data = {"channel": series.channel, "limit": EVENTS}
        await client.send({"type": "request", "id": name, "event": "history", "data": data})
    for name in ids:
        reply = await client.reply(name, UNDER_LOAD)
        assert reply.type == "response"
        assert len(reply.data["events"]) == EVENTS, "the page is not whole"
