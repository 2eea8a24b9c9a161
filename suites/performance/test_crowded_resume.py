"""Many that come back at the same time (5)."""

import asyncio

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.base import Node
from bodhisattva.suites.performance.crowds import answered, assert_heard_whole, burst, crowd, send
from bodhisattva.suites.protocol.listening import perform

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
    each = await burst(node, EACH, BESIDES)
    clients = await crowd(connect, node, WRITERS + RETURNING)
    *earlier, last = clients[:WRITERS]
    returning = clients[WRITERS:]
    series = sample.sequence(count=WRITERS * each)
    await perform(last, series.setup)
    start = (await last.subscribe(series.channel)).data
    await last.answer("unsubscribe", {"channel": series.channel})
    for n, writer in enumerate(earlier):
        await answered(writer, await send(writer, series.calls[n * each : (n + 1) * each]))
    since = {"epoch": start["epoch"], "offset": start["offset"]}
    meanwhile = send(last, series.calls[len(earlier) * each :])
    resuming = asyncio.gather(*(client.subscribe(series.channel, since) for client in returning))
    ids, resumed = await asyncio.gather(meanwhile, resuming)
    await answered(last, ids)
    assert all(answer.data["recovered"] is True for answer in resumed)
    for client in returning:
        await assert_heard_whole(client, series, sample, len(series.calls), after=start)
