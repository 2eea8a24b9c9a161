"""Many clients that resume at the same time (5)."""

import asyncio

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.performance.many_connections import (
    assert_received_whole,
    burst_size,
    connect_many,
    responses,
    send_pipelined,
)
from bodhisattva.suites.protocol.event_series import perform

RETURNING = 20
WRITERS = 4
EACH = 100
BESIDES = 10


@clause(
    "PERFORMANCE-005",
    level="MUST",
    section="5",
    feature="resume",
    profile="performance",
    text="Twenty subscribers that resume at the same time, while events go on, each get hundreds that they missed and "
    "those that happen meanwhile: in order, without a gap, nothing twice.",
)
async def test_many_resume_at_once(connect: Connect, node: Node, sample: RequestSamples) -> None:
    each = await burst_size(node, EACH, BESIDES)
    clients = await connect_many(connect, node, WRITERS + RETURNING)
    *earlier, last = clients[:WRITERS]
    returning = clients[WRITERS:]
    series = sample.sequence(count=WRITERS * each)
    await perform(last, series.setup)
    start = (await last.subscribe(series.channel)).data
    await last.answer("unsubscribe", {"channel": series.channel})
    for n, writer in enumerate(earlier):
        await responses(writer, await send_pipelined(writer, series.calls[n * each : (n + 1) * each]))
    since = {"epoch": start["epoch"], "offset": start["offset"]}
    meanwhile = send_pipelined(last, series.calls[len(earlier) * each :])
    resuming = asyncio.gather(*(client.subscribe(series.channel, since) for client in returning))
    ids, resumed = await asyncio.gather(meanwhile, resuming)
    await responses(last, ids)
    assert all(answer.data["recovered"] is True for answer in resumed)
    for client in returning:
        await assert_received_whole(client, series, sample, len(series.calls), after=start)
