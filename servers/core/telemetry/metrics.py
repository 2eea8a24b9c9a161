"""Prometheus metrics of one service (protocol 6); every label comes from a bounded set."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest

from bodhisattva.servers.core.envelope import INCOMING_TYPES
from bodhisattva.servers.core.telemetry.tallies import Durations, Tally


class BridgeMetrics(NamedTuple):
    """Of all bridges of a service. following: those subscribed to their source. waiting: events not applied yet."""

    following: Gauge
    waiting: Gauge
    taken: Counter
    refused: Counter
    lost: Counter


class CallMetrics(NamedTuple):
    """Of requests to other services."""

    completed: Counter
    failed: Counter
    attempts_failed: Counter


M = TypeVar("M", Counter, Gauge)
_IDENTITY = ("service", "server")


class Metrics:
    """The instruments of `service` on `server`; `render` is the text of `/metrics`."""

    def __init__(self, service: str, server: str) -> None:
        self._values = (service, server)
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.connections = self._one(Gauge, "websocket_connections_current", "Open connections.")
        self.connections_total = self._one(Counter, "websocket_connections_total", "Connections accepted.")
        self.message_duration = self._durations(
            "websocket_message_duration_seconds", "From a request's arrival to its answer."
        )
        self.broadcast_duration = self._durations(
            "websocket_broadcast_duration_seconds", "Handing an event to all its subscribers."
        )
        self.slow_consumers = self._one(Counter, "websocket_slow_consumers_closed_total", "Connections closed 4008.")
        self.replayed = self._one(Counter, "websocket_replayed_events_total", "Events sent from the log.")
        self.log_lag = self._one(Gauge, "websocket_log_lag_entries", "Entries decided and not yet durable.")
        self.log_events = self._one(Gauge, "websocket_log_events", "Events that the log holds.")
        self.log_bytes = self._one(Gauge, "websocket_log_bytes", "Bytes of the data of the events that the log holds.")
        self.log_trimmed = self._one(
            Counter, "websocket_log_trimmed_events_total", "Events removed from the log by retention."
        )
        self.draining = self._one(Gauge, "websocket_draining", "1 while the service drains.")
        self.gauge("asyncio_tasks", "Tasks of the process that have not ended.", lambda: len(asyncio.all_tasks()))
        self._tallies: list[Tally] = []
        self._received = self._tally("websocket_messages_received_total", "Messages in.", "message_type")
        self._sent = self._tally("websocket_messages_sent_total", "Messages out.", "message_type")
        self._errors = self._tally("websocket_errors_total", "Errors answered.", "error_type")
        self._broadcasts = self._tally("websocket_events_total", "Events delivered.", "channel_kind")

        self.bridges = BridgeMetrics(
            self._one(Gauge, "websocket_bridges_following", "Bridges that are subscribed to their source."),
            self._one(Gauge, "websocket_bridge_waiting_events", "Events received from sources, and not applied yet."),
            self._one(Counter, "websocket_bridge_events_total", "Events taken in."),
            self._one(Counter, "websocket_bridge_refused_events_total", "Events passed over as unfit."),
            self._one(Counter, "websocket_bridge_lost_events_total", "Events gone from the source before they came."),
        )
        self.calls = CallMetrics(
            self._one(Counter, "websocket_remote_calls_completed_total", "Requests to other services that were done."),
            self._one(Counter, "websocket_remote_calls_failed_total", "Requests to other services that were given up."),
            self._one(Counter, "websocket_remote_attempts_failed_total", "Attempts at such requests that failed."),
        )

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A gauge that is read, within the event loop, at each scrape."""
        self._one(Gauge, name, text).set_function(read)

    def received(self, message_type: str) -> None:
        self._received.add(message_type if message_type in INCOMING_TYPES else "other")

    def sent(self, message_type: str, count: int = 1) -> None:
        self._sent.add(message_type, count)

    def error(self, code: str) -> None:
        self._errors.add(code)

    def delivered(self, channel_kind: str, receivers: int) -> None:
        self._broadcasts.add(channel_kind, receivers)
        self.sent("event", receivers)

    def render(self) -> bytes:
        for tally in self._tallies:
            tally.hand_over()
        return generate_latest(self._registry)

    def _one(self, kind: type[M], name: str, text: str) -> M:
        return self._family(kind, name, text).labels(*self._values)

    def _tally(self, name: str, text: str, label: str) -> Tally:
        tally = Tally(self._family(Counter, name, text, label), self._values)
        self._tallies.append(tally)
        return tally

    def _durations(self, name: str, text: str) -> Durations:
        durations = Durations(name, text, dict(zip(_IDENTITY, self._values, strict=True)))
        self._registry.register(durations)
        return durations

    def _family(self, kind: type[M], name: str, text: str, *labels: str) -> M:
        return kind(name, text, (*_IDENTITY, *labels), registry=self._registry)
