"""Servers that are wrong in what they count."""

from collections.abc import Callable
from typing import Any

from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.log.base import StoredEvent
from bodhisattva.servers.core.telemetry import metrics
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "PROTOCOL-090",
    wrong="counts events by channel instead of by kind, so that each channel makes a series",
    failure="series of a client's making",
)
def labels_metrics_with_channels(inject: Inject) -> None:
    publish = Hub.publish

    def publish_and_count(hub: Hub, event: StoredEvent) -> None:
        publish(hub, event)
        for channel, _ in event.channels:
            hub._metrics.delivered(channel, 0)

    inject(Hub, "publish", publish_and_count)


@mutant("PROTOCOL-073", wrong="does not count its errors", failure="websocket_errors_total did not rise")
def counts_no_errors(inject: Inject) -> None:
    def pass_over(_metrics: Metrics, _code: str) -> None:
        """Not counted."""

    inject(Metrics, "error", pass_over)


@mutant(
    "PROTOCOL-077",
    wrong="labels its metrics by the types that clients send, whatever they are",
    failure="a name that a client chose is in the metrics",
)
def labels_metrics_with_any_type(inject: Inject) -> None:
    def received_as_sent(metrics: Metrics, message_type: str) -> None:
        metrics._received.add(message_type)

    inject(Metrics, "received", received_as_sent)


@mutant("PROTOCOL-073", wrong="does not count what it sends", failure="websocket_messages_sent_total did not rise")
def counts_nothing_that_it_sends(inject: Inject) -> None:
    def uncounted(*_: object) -> None:
        """Nobody counts it."""

    inject(Metrics, "sent", uncounted)


class Stuck:
    def inc(self, *_: Any) -> None:
        return None


@mutant("PROTOCOL-091", wrong="does not count the events that it replays", failure="assert 0.0 ==")
def counts_no_replays(inject: Inject) -> None:
    begin: Callable[..., None] = Metrics.__init__

    def begin_stuck(one: Metrics, *arguments: Any) -> None:
        begin(one, *arguments)
        one.replayed = Stuck()  # type: ignore[assignment]

    inject(metrics.Metrics, "__init__", begin_stuck)
