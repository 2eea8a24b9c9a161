"""The cases of the earlier round about load: whole and in order first, figures beside it."""

import asyncio
import math
import time
from collections.abc import Sequence

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import Call, Readback, RequestSamples, Series
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.performance.many_connections import (
    UNDER_LOAD,
    assert_no_extra_answers,
    assert_received_whole,
    burst_size,
    connect_many,
    responses,
    send_pipelined,
)
from bodhisattva.suites.performance.measurements import Record, percentile, record_measurement
from bodhisattva.suites.protocol.event_series import assert_contiguous, perform, series_numbers

CONNECTIONS = 100
RECEIVERS = 50
BROADCASTS = 100
MESSAGES = 1000
WRITERS = 10
PROBES = 5
QUESTIONS = 40
LOAD = 5
BESIDES = 10
"""Messages of a connection other than the series: setup, subscriptions, fences."""


class TestPerformance:
    @clause(
        "PERFORMANCE-001",
        level="MUST",
        section="4",
        feature="core",
        profile="performance",
        text="A hundred clients that come at once are all let in; each has a command of its own done and reads it "
        "back, and each receives one and the same event, once.",
        baseline="TestPerformance::handles_100_concurrent_connections",
    )
    async def test_handles_100_concurrent_connections(
        self, connect: Connect, node: Node, sample: RequestSamples, record_property: Record
    ) -> None:
        begun = time.monotonic()
        clients = await connect_many(connect, node, CONNECTIONS)
        record_measurement(record_property, "all connected after", time.monotonic() - begun, "s")
        own = {client.welcome.data["connection_id"] for client in clients if client.welcome is not None}
        assert len(own) == CONNECTIONS, "connections share an id"
        await asyncio.gather(*(client.subscribe(sample.channel()) for client in clients))
        await asyncio.gather(*(self._served(client, sample, n) for n, client in enumerate(clients, start=1)))
        await clients[0].answer(*sample.command())
        received = [
            await client.event(sample.event, sample.channel(), UNDER_LOAD, where=sample.concerns) for client in clients
        ]
        assert len({event.id for event in received}) == 1, "not every client received the same event"
        for client in clients:
            again = [frame for frame in await client.fence() if frame.type == "event" and sample.concerns(frame)]
            assert not again, f"received more than once: {again}"

    @staticmethod
    async def _served(client: WireClient, sample: RequestSamples, n: int) -> None:
        """A command of this client's own is done, and its query shows this one and no other."""
        event, data = sample.command(n)
        await client.answer(event, data, within=UNDER_LOAD)
        back = sample.readback(n)
        back.check(await client.answer(*back.call, within=UNDER_LOAD))

    @clause(
        "PERFORMANCE-002",
        level="MUST",
        section="5",
        feature="core",
        profile="performance",
        text="Fifty receivers on a channel each get every one of a hundred events: in order, without a gap, nothing "
        "twice.",
        baseline="TestPerformance::broadcast_performance",
    )
    async def test_broadcast_performance(
        self, connect: Connect, node: Node, sample: RequestSamples, record_property: Record
    ) -> None:
        count = await burst_size(node, BROADCASTS, BESIDES)
        writer, *receivers = await connect_many(connect, node, RECEIVERS + 1)
        series = sample.sequence(count=count)
        await perform(writer, series.setup)
        joined = [(await receiver.subscribe(series.channel)).data for receiver in receivers]
        begun = time.monotonic()
        await responses(writer, await send_pipelined(writer, series.calls))
        for receiver, position in zip(receivers, joined, strict=True):
            await assert_received_whole(receiver, series, sample, count, after=position)
        record_measurement(record_property, "deliveries", RECEIVERS * count / (time.monotonic() - begun), "events/s")

    @clause(
        "PERFORMANCE-003",
        level="MUST",
        section="4",
        feature="core",
        profile="performance",
        text="Of a thousand commands that several connections send at once, none over its rate, every one is answered, "
        "and its event counted once at the receiver, those of each connection in order.",
        baseline="TestPerformance::message_throughput",
    )
    async def test_message_throughput(
        self, connect: Connect, node: Node, sample: RequestSamples, record_property: Record
    ) -> None:
        each = await burst_size(node, math.ceil(MESSAGES / WRITERS), BESIDES)
        receiver, *writers = await connect_many(connect, node, 1 + math.ceil(MESSAGES / each))
        series = [sample.sequence(n, each) for n in range(len(writers))]
        for writer, own in zip(writers, series, strict=True):
            await perform(writer, own.setup)
        joined = (await receiver.subscribe("global")).data
        begun = time.monotonic()
        sent = await asyncio.gather(*(send_pipelined(w, own.calls) for w, own in zip(writers, series, strict=True)))
        for writer, ids in zip(writers, sent, strict=True):
            await responses(writer, ids)
        everything: list[Envelope] = []
        for _ in range(len(writers) * each):
            everything += await self._up_to_next(receiver, series, sample)
        took = everything[-1].received - begun
        record_measurement(record_property, "throughput", len(writers) * each / took, "commands/s")
        everything += await receiver.fence(UNDER_LOAD)
        assert_contiguous(everything, joined["offset"])
        for n, own in enumerate(series):
            assert series_numbers(everything, own, sample, n) == list(range(each)), f"of connection {n}"

    @staticmethod
    async def _up_to_next(receiver: WireClient, series: Sequence[Series], sample: RequestSamples) -> list[Envelope]:
        """Every frame up to the next event of one of the series."""
        return await receiver.drain_until(
            lambda e: e.event == series[0].event and any(sample.concerns(e, n) for n in range(len(series))),
            "an event of the series",
            UNDER_LOAD,
        )

    @clause(
        "PERFORMANCE-004",
        level="MUST",
        section="1.1",
        feature="core",
        profile="performance",
        text="While other connections send one command after the other, every query is answered, once, under its "
        "own id and with its own result.",
        baseline="TestPerformance::latency_under_load",
    )
    async def test_latency_under_load(
        self, connect: Connect, node: Node, sample: RequestSamples, record_property: Record
    ) -> None:
        count = await burst_size(node, BROADCASTS, BESIDES)
        questions = await burst_size(node, QUESTIONS, BESIDES)
        clients = await connect_many(connect, node, PROBES + LOAD)
        probes, writers = clients[:PROBES], clients[PROBES:]
        series = [sample.sequence(f"load{n}-", count) for n in range(LOAD)]
        for writer, own in zip(writers, series, strict=True):
            await perform(writer, own.setup)
        for n, probe in enumerate(probes):
            await probe.answer(*sample.command(n))
        wanted = [self._times(probe, sample.readback(n), questions) for n, probe in enumerate(probes)]
        loading = [self._loaded(writer, own.calls) for writer, own in zip(writers, series, strict=True)]
        times, _ = await asyncio.gather(asyncio.gather(*wanted), asyncio.gather(*loading))
        latencies = [each * 1000 for own in times for each in own]
        assert len(latencies) == PROBES * questions
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p100", 1.0)):
            record_measurement(record_property, f"latency {name}", percentile(latencies, share), "ms")

    @staticmethod
    async def _times(probe: WireClient, back: Readback, count: int) -> list[float]:
        """Ask the same question again and again; seconds until each answer, all of which must be the right one."""
        times = []
        for _ in range(count):
            begun = time.monotonic()
            answer = await probe.answer(*back.call, within=UNDER_LOAD)
            times.append(answer.received - begun)
            assert answer.event == back.call.event
            back.check(answer)
        await assert_no_extra_answers(probe)
        return times

    @staticmethod
    async def _loaded(writer: WireClient, calls: Sequence[Call]) -> None:
        """More commands than queries, so that the last query is still under load."""
        await perform(writer, calls)
        await assert_no_extra_answers(writer)
