"""Traces by OpenTelemetry, sent as OTLP over HTTP (protocol: by option). Needs the extra `otel`.

Whoever may have tracing holds `Tracing | None`; without it, nothing here is imported. A trace crosses from service to
service as a W3C `traceparent`, a key of the envelope that others ignore.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from urllib.parse import urlsplit

import requests
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bodhisattva.servers.core import config
from bodhisattva.servers.core.addresses import is_loopback

_SENDING = 2.0  # seconds until a collector that does not answer has lost what was sent to it
_FAREWELL = 1.0  # seconds that a stop waits for the last spans
_DELAY_MS = 1000
_propagator = TraceContextTextMapPropagator()

Attributes = Mapping[str, str | int]


class Span:
    """A part of a trace, from now until `end`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        return _traceparent(self._span) or ""

    def active(self) -> AbstractContextManager[object]:
        """What begins meanwhile is part of this."""
        using: AbstractContextManager[object] = trace.use_span(
            self._span, end_on_exit=False, record_exception=False, set_status_on_exception=False
        )
        return using

    def end(self, error: str | None = None) -> None:
        """error: the kind of it, such as the protocol's code."""
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class Tracing:
    """The traces of one service. version: of this release."""

    def __init__(self, service: str, version: str, settings: config.Tracing) -> None:
        about = {"service.name": service, "service.namespace": "bodhisattva", "service.version": version}
        self._service = service
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.sample)),
            resource=Resource.create(about),
            shutdown_on_exit=False,
        )
        endpoint = f"{(settings.endpoint or '').rstrip('/')}/v1/traces"
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_SENDING, session=_session(endpoint))
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_DELAY_MS))
        self._tracer = self._provider.get_tracer("bodhisattva", version)

    def request(self, method: str, about: Attributes, parent: object) -> Span:
        """A request that this service answers. parent: the traceparent of its sender, if it gave one."""
        context = _propagator.extract({"traceparent": parent}) if isinstance(parent, str) else None
        rpc = {"rpc.system.name": "bodhisattva", "rpc.service": self._service, "rpc.method": method, **about}
        return Span(self._tracer.start_span(f"{self._service}/{method}", context, SpanKind.SERVER, rpc))

    def append(self, events: int, parent: str | None = None) -> Span:
        """An append to the log, until it is durable."""
        context = _propagator.extract({"traceparent": parent}) if parent else None
        return Span(self._tracer.start_span("append", context, SpanKind.INTERNAL, {"bodhisattva.events": events}))

    def call(self, service: str, method: str, request_id: str) -> AbstractContextManager[Span]:
        """A request to another service."""
        rpc = {"rpc.system.name": "bodhisattva", "rpc.service": service, "rpc.method": method}
        return self._during(f"{service}/{method}", SpanKind.CLIENT, {**rpc, "bodhisattva.request_id": request_id})

    def apply_span(self, source: str, channel: str, event_id: str, parent: str | None) -> AbstractContextManager[Span]:
        """Applying an event of another service."""
        about = {
            "messaging.system": "bodhisattva",
            "messaging.operation.type": "process",
            "messaging.operation.name": "apply",
            "messaging.destination.name": f"{source}:{channel}",
            "messaging.message.id": event_id,
        }
        return self._during(f"apply {source}:{channel}", SpanKind.CONSUMER, about, parent)

    @contextmanager
    def _during(self, name: str, kind: SpanKind, about: Attributes, parent: str | None = None) -> Iterator[Span]:
        context = _propagator.extract({"traceparent": parent}) if parent else None
        span = Span(self._tracer.start_span(name, context, kind, dict(about)))
        try:
            with span.active():
                yield span
        except BaseException as error:
            span.end(str(getattr(error, "code", type(error).__name__)))
            raise
        span.end()

    @contextmanager
    def continue_trace(self, parent: str | None) -> Iterator[None]:
        """What begins meanwhile is part of the trace that the parent names."""
        if parent is None:
            yield
            return
        remote = trace.get_current_span(_propagator.extract({"traceparent": parent}))
        with trace.use_span(remote):
            yield

    def current(self) -> str | None:
        """The traceparent of what is under way."""
        return _traceparent(trace.get_current_span())

    async def stop(self) -> None:
        """Send what is left, as far as that is possible in a moment."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def send() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(sent.set)

        threading.Thread(target=send, name="last spans", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await sent.wait()


def _session(endpoint: str) -> requests.Session:
    """A collector on this machine is reached without a proxy of the environment."""
    session = requests.Session()
    session.trust_env = not is_loopback(urlsplit(endpoint).hostname or "")
    return session


def _traceparent(span: trace.Span) -> str | None:
    context = span.get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
