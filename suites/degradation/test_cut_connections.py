"""Connections that end without a close frame, in the midst of something (2.5, 4, 5)."""

import asyncio
import json
from functools import partial

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.fixture_types import AllowTime, Connect, Fresh, Raw
from bodhisattva.fixtures.frames import Opcode, encode
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.degradation.stalled_reader import has_free_slot, stalled_reader
from bodhisattva.suites.performance.many_connections import (
    assert_received_whole,
    burst_size,
    connect_many,
    responses,
    send_pipelined,
)
from bodhisattva.suites.protocol.event_series import perform

MARGIN = 4.0
RECEIVERS = 30
EVENTS = 100
BEFORE = 20
BESIDES = 10


@clause(
    "DEGRADATION-008",
    level="MUST",
    section="2.5",
    feature="presence",
    profile="live",
    text="A connection whose client has vanished without a close frame gives its slot and its channels back once "
    "the ping timeout has passed; until then it keeps no event from others.",
)
async def test_half_open_connection_is_cleared(
    fresh: Fresh, raw: Raw, connect: Connect, sample: RequestSamples, allow_time: AllowTime
) -> None:
    node = await fresh(limits={"connections": 2})
    limits = await node.limits()
    client = await connect(node)
    await client.subscribe(sample.channel())
    _, connection = await stalled_reader(raw, node, sample.channel())
    await client.answer(*sample.command())
    await client.event(sample.event, sample.channel(), where=sample.concerns)
    bound = limits["ping_interval"] + limits["ping_timeout"] + MARGIN
    allow_time(bound)
    await eventually(partial(_gone, client, connection, sample.channel()), "the end of a half-open connection", bound)
    await eventually(lambda: has_free_slot(connect, node), "a slot after a half-open connection", every=0.1)


@clause(
    "DEGRADATION-009",
    level="MUST",
    section="1",
    feature="presence",
    profile="live",
    text="A command of which only a part arrived before its line was cut, a part of a frame or a fragment of a "
    "message, is not done; what was answered before it is.",
)
async def test_command_cut_in_two_is_not_done(node: Node, raw: Raw, connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    for n, fragment in enumerate((False, True)):
        before, cut = f"before{n}-", f"cut{n}-"
        peer, connection = await stalled_reader(raw, node, sample.channel(before))
        assert (await peer.request(*sample.command(before))).type == "response"
        event, data = sample.command(cut)
        await peer.send(_half({"type": "request", "id": cut, "event": event, "data": data}, fragment=fragment))
        await peer.abort()
        await eventually(partial(_gone, client, connection, sample.channel(before)), "the end of a cut line")
        sample.readback(before).check(await client.answer(*sample.readback(before).call))
        assert (await client.refusal(*sample.readback(cut).call)).error_code == "NOT_FOUND"
    await client.answer(*sample.command())


@clause(
    "DEGRADATION-010",
    level="MUST",
    section="5",
    feature="core",
    profile="performance",
    text="When half of a channel's subscribers are cut off amid a series of events, the others get every event, in "
    "order, nothing twice, and the service stays ready.",
)
async def test_cut_subscribers_cost_others_nothing(connect: Connect, node: Node, sample: RequestSamples) -> None:
    count = await burst_size(node, EVENTS, BESIDES)
    writer, *receivers = await connect_many(connect, node, RECEIVERS + 1)
    series = sample.sequence(count=count)
    await perform(writer, series.setup)
    joined = [(await receiver.subscribe(series.channel)).data for receiver in receivers]
    await perform(writer, series.calls[:BEFORE])
    cutting = asyncio.gather(*(receiver.abort() for receiver in receivers[::2]))
    middle = (BEFORE + count) // 2
    ids, ready, _ = await asyncio.gather(
        send_pipelined(writer, series.calls[BEFORE:middle]), node.http("/ready"), cutting
    )
    assert ready.status == 200
    await responses(writer, ids)
    await responses(writer, await send_pipelined(writer, series.calls[middle:]))
    for receiver, position in list(zip(receivers, joined, strict=True))[1::2]:
        await assert_received_whole(receiver, series, sample, count, after=position)
    assert (await node.http("/ready")).status == 200


def _half(message: dict[str, object], *, fragment: bool) -> bytes:
    """The first part of a text message: a whole frame that promises more, or a frame that ends in its middle."""
    payload = json.dumps(message).encode()
    if fragment:
        return encode(Opcode.TEXT, payload, fin=False)
    frame = encode(Opcode.TEXT, payload)
    return frame[: len(frame) // 2]


async def _gone(client: WireClient, connection: str, channel: str) -> bool:
    """Whether a connection is no longer on the channel."""
    members = (await client.answer("presence", {"channel": channel})).data["members"]
    return connection not in {member["connection_id"] for member in members}
