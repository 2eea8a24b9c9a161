"""A service that stands still for a while, as on a machine that swaps or behind a partition that heals."""

import asyncio
import time

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import deadline, eventually
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.suites.degradation.stalled_reader import LONG_PING_TIMEOUTS
from bodhisattva.suites.performance.many_connections import UNDER_LOAD, assert_received_whole, responses, send_pipelined
from bodhisattva.suites.protocol.event_series import perform

EVENTS = 50
STANDSTILL = 2.0


@clause(
    "DEGRADATION-011",
    level="MUST",
    section="1",
    feature="core",
    profile="operable",
    text="What was sent to a service while it stood still is answered once it goes on, each command once and in "
    "order; subscribers get every event, and clients that came meanwhile are accepted.",
)
async def test_frozen_service_goes_on(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(timeouts=LONG_PING_TIMEOUTS)
    writer, reader = await connect(node), await connect(node)
    series = sample.sequence(count=EVENTS)
    await perform(writer, series.setup)
    joined = (await reader.subscribe(series.channel)).data
    await node.pause()
    arriving = asyncio.create_task(connect(node, within=UNDER_LOAD))
    ids = await send_pipelined(writer, series.calls)
    goes_on = deadline(STANDSTILL)
    await eventually(lambda: time.monotonic() > goes_on, "the end of the standstill")
    assert not writer.inbox, "a service that stands still has answered"
    await node.resume()
    await responses(writer, ids)
    await assert_received_whole(reader, series, sample, EVENTS, after=joined)
    await (await arriving).answer(*sample.command("newcomer"))
