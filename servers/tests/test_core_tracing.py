"""Traces as a collector gets them: OTLP over HTTP, from real services, through commands, stages and bridges."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from bodhisattva.fixtures.tests.proxy import answering, lead_to
from bodhisattva.servers.akosha.service import SERVICE as AKOSHA
from bodhisattva.servers.core.config import LogConfig, Peer, Tracing
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.crackerjack.service import SERVICE as CRACKERJACK
from bodhisattva.servers.mahavishnu.service import SERVICE as MAHAVISHNU
from bodhisattva.servers.tests.ledger import LEDGER
from bodhisattva.servers.tests.redis_server import RedisServer
from bodhisattva.servers.tests.running import Client, Running, running, until
from bodhisattva.servers.tests.test_cli import OPEN, bodhisattva

LONG = 15.0
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Collector:
    """Takes what exporters send, as a collector does."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Sent]] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        for of in ExportTraceServiceRequest.FromString(await request.read()).resource_spans:
            service = next(each.value.string_value for each in of.resource.attributes if each.key == "service.name")
            self.spans += [(service, span) for scope in of.scope_spans for span in scope.spans]
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")

    def named(self, service: str, name: str) -> list[Sent]:
        return [span for sender, span in self.spans if (sender, span.name) == (service, name)]

    async def one(self, service: str, name: str) -> Sent:
        """The only span of this name."""
        await until(lambda: self.named(service, name), f"no {name} of {service}: {self}", LONG)
        (span,) = self.named(service, name)
        return span

    def __str__(self) -> str:
        return ", ".join(f"{service} {span.name}" for service, span in self.spans)


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    one = Collector()
    await one.start()
    yield one
    await one.stop()


def attributes(span: Sent) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


async def traced_request(client: Client, event: str, traceparent: Any = PARENT, **data: Any) -> dict[str, Any]:
    request = {"type": "request", "event": event, "id": f"r-{uuid4()}", "data": data, "traceparent": traceparent}
    await client.socket.send_json(request)
    while (message := await client.read())["correlation_id"] != request["id"]:
        pass
    return message


def tracing(collector: Collector, **more: Any) -> dict[str, Any]:
    return {"tracing": Tracing(collector.url, **more)}


async def test_a_request_and_its_writing_are_parts_of_the_sender_s_trace(collector: Collector) -> None:
    async with running(LEDGER, **tracing(collector)) as one:
        client = await one.connect()
        await client.request("subscribe", channel="account:a")
        await traced_request(client, "post", account="a", amount=1)
        (connection,) = one.server.parts.connections
    request, append = await collector.one("ledger", "ledger/post"), await collector.one("ledger", "append")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, "b7ad6b7169203331")
    assert (append.trace_id, append.parent_span_id) == (request.trace_id, request.span_id)
    assert request.kind == Sent.SPAN_KIND_SERVER
    reported = attributes(request)
    assert reported["bodhisattva.request_id"].startswith("r-")
    assert reported["bodhisattva.connection_id"] == connection.connection_id
    assert (reported["rpc.service"], reported["rpc.method"]) == ("ledger", "post")
    assert request.end_time_unix_nano > request.start_time_unix_nano
    assert (await collector.one("ledger", "ledger/subscribe")).parent_span_id == b"", "nobody sent a trace"


async def test_a_collector_on_this_machine_is_reached_directly(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering({}) as proxy:
        lead_to(proxy, monkeypatch)
        async with running(LEDGER, **tracing(collector)) as one:
            await traced_request(await one.connect(), "post", account="a", amount=1)
        await collector.one("ledger", "ledger/post")
        assert proxy.seen == []


async def test_refusals_and_what_nobody_knows_are_distinguished(collector: Collector) -> None:
    async with running(LEDGER, **tracing(collector)) as one:
        client = await one.connect()
        await traced_request(client, "post", account="a", amount=-1)
        await traced_request(client, "x" * 5000)
        await traced_request(client, "balance", traceparent=["no", "trace"], account="a")
        await traced_request(client, "crash", traceparent="nonsense")
    refused = await collector.one("ledger", "ledger/post")
    assert attributes(refused)["error.type"] == "CONFLICT"
    assert refused.status.code == Status.STATUS_CODE_ERROR
    assert attributes(await collector.one("ledger", "ledger/unknown"))["error.type"] == "UNKNOWN_REQUEST"
    assert attributes(await collector.one("ledger", "ledger/crash"))["error.type"] == "INTERNAL_ERROR"
    assert "secret detail" not in str(collector.spans)


async def test_live_events_carry_their_trace_to_who_listens(collector: Collector) -> None:
    async with running(LEDGER, **tracing(collector)) as one:
        client = await one.connect()
        await client.request("subscribe", channel="account:a")
        request = {"type": "request", "event": "post", "id": "r", "data": {"account": "a", "amount": 1}}
        await client.socket.send_json(request | {"traceparent": PARENT})
        messages = [await client.read() for _ in range(2)]
        (event,) = [message for message in messages if message["type"] == "event"]
        assert event["traceparent"].split("-")[1] == TRACE


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("redis", marks=pytest.mark.deploy)])
async def test_what_is_delivered_later_carries_the_trace_in_which_it_happened(
    collector: Collector, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """After a restart, to who resumes."""
    with_log = tracing(collector) | kept(kind, tmp_path, request)
    async with running(LEDGER, **with_log) as one:
        await traced_request(await one.connect(), "post", account="a", amount=1)
        await traced_request(await one.connect(), "post", traceparent=None, account="a", amount=2)
    async with running(LEDGER, **with_log) as one:
        client = await one.connect()
        since = {"epoch": one.server.parts.engine.log.epoch, "offset": 0}
        await client.socket.send_json(
            {"type": "request", "event": "subscribe", "id": "s", "data": {"channel": "account:a", "since": since}}
        )
        _, first, second = [await client.read() for _ in range(3)]
        assert first["traceparent"].split("-")[1] == TRACE
        assert second["traceparent"].split("-")[1] != TRACE


@pytest.mark.deploy
async def test_an_event_carries_its_trace_to_who_listens_at_another_replica(
    collector: Collector, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with_log = tracing(collector) | kept("redis", tmp_path, request)
    async with running(LEDGER, **with_log) as one, running(LEDGER, **with_log) as other:
        listener = await other.connect()
        await listener.request("subscribe", channel="account:a")
        await traced_request(await one.connect(), "post", account="a", amount=1)
        assert (await listener.read())["traceparent"].split("-")[1] == TRACE


@pytest.mark.deploy
async def test_what_a_bridge_takes_in_later_is_part_of_the_trace_in_which_it_happened(
    collector: Collector, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Told by another replica than did it, to a bridge that was not there."""
    with_log = tracing(collector) | kept("redis", tmp_path, request)
    async with running(CRACKERJACK, **with_log) as one, running(CRACKERJACK, **with_log) as other:
        coverage = {"project": "p", "line_coverage": 61.0, "branch_coverage": 50.0, "path_coverage": 40.0}
        await traced_request(await one.connect(), "record_coverage", **coverage)
        async with running(AKOSHA, peers={"crackerjack": Peer(other.server.url)}, **tracing(collector)):
            taken = await collector.one("akosha", "apply crackerjack:global")
    done = await collector.one("crackerjack", "crackerjack/record_coverage")
    assert (taken.trace_id.hex(), taken.parent_span_id) == (TRACE, done.span_id)


def kept(kind: str, folder: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings for a log of its own that outlives its service."""
    if kind == "sqlite":
        return {"log": LogConfig(), "state": str(folder)}
    redis: RedisServer = request.getfixturevalue("redis")
    return {"log": LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}")}


async def test_an_event_s_envelope_is_as_ever_without_traces() -> None:
    async with running(LEDGER) as one:
        client = await one.connect()
        await client.request("subscribe", channel="account:a")
        await client.socket.send_json(
            {
                "type": "request",
                "event": "post",
                "id": "r",
                "data": {"account": "a", "amount": 1},
                "traceparent": PARENT,
            }
        )
        messages = [await client.read() for _ in range(2)]
        assert not [message for message in messages if "traceparent" in message]


@pytest.mark.parametrize("kind", ["memory", pytest.param("redis", marks=pytest.mark.deploy)])
async def test_a_workflow_its_stage_elsewhere_and_what_bridges_make_of_it_share_one_trace(
    collector: Collector, kind: str, request: pytest.FixtureRequest
) -> None:
    """A command at mahavishnu, a stage at crackerjack, and akosha, which follows both."""
    log = LogConfig("memory")
    if kind == "redis":
        redis: RedisServer = request.getfixturevalue("redis")
        log = LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}")
    async with AsyncExitStack() as stack:

        async def up(service: Service, **peers: Running) -> Running:
            known = {name: Peer(other.server.url) for name, other in peers.items()}
            server = running(service, log=log, peers=known, **tracing(collector))
            return await stack.enter_async_context(server)

        crackerjack = await up(CRACKERJACK)
        mahavishnu = await up(MAHAVISHNU, crackerjack=crackerjack)
        await up(AKOSHA, crackerjack=crackerjack, mahavishnu=mahavishnu)
        client = await mahavishnu.connect()
        coverage = {"project": "p", "line_coverage": 61.0, "branch_coverage": 50.0, "path_coverage": 40.0}
        stage = {"name": "cover", "service": "crackerjack", "request": "record_coverage", "data": coverage}
        started = {"workflow_id": "w", "adapter": "x", "prompt": "y", "stages": [stage]}
        await traced_request(client, "start_workflow", **started)
        call = await collector.one("mahavishnu", "crackerjack/record_coverage")
        served = await collector.one("crackerjack", "crackerjack/record_coverage")
        await until(lambda: len(collector.named("akosha", "apply mahavishnu:global")) >= 3, str(collector), LONG)
        await until(lambda: collector.named("akosha", "apply crackerjack:global"), str(collector), LONG)
        taken = collector.named("akosha", "apply mahavishnu:global")
        from_there = collector.named("akosha", "apply crackerjack:global")
    assert {span.trace_id.hex() for span in (call, served, *taken, *from_there)} == {TRACE}
    assert (call.kind, served.kind, taken[0].kind) == (
        Sent.SPAN_KIND_CLIENT,
        Sent.SPAN_KIND_SERVER,
        Sent.SPAN_KIND_CONSUMER,
    )
    assert served.parent_span_id == call.span_id
    assert served.span_id in {span.parent_span_id for span in from_there}
    assert attributes(taken[0])["messaging.destination.name"] == "mahavishnu:global"
    assert {span.trace_id.hex() for span in collector.named("akosha", "append")} == {TRACE}


async def test_a_share_of_the_traces_can_be_kept(collector: Collector) -> None:
    async with running(LEDGER, **tracing(collector, sample=0.0)) as one:
        client = await one.connect()
        await client.request("post", account="a", amount=1)
        await traced_request(client, "post", account="a", amount=1)
    span = await collector.one("ledger", "ledger/post")
    assert span.trace_id.hex() == TRACE, "its sender keeps it, and so it is kept here"


async def test_a_collector_that_is_not_there_holds_up_nothing() -> None:
    async with running(LEDGER, tracing=Tracing("http://127.0.0.1:9")) as one:
        client = await one.connect()
        await client.request("post", account="a", amount=1)


def test_without_traces_nothing_of_it_is_loaded() -> None:
    program = (
        "import sys, bodhisattva.servers.core.server as s; print([m for m in sys.modules if 'opentelemetry' in m])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50)  # noqa: S603
    assert done.stdout == "[]\n"


def test_s7_a_bad_collector_is_one_line(tmp_path: Path) -> None:
    settings = OPEN | {"tracing__endpoint": "localhost:4318"}
    code, output = bodhisattva("serve", "akosha", folder=tmp_path, settings=settings)
    assert (code, output.count("\n")) == (2, 1), output
    assert "tracing.endpoint" in output
