"""What is counted at each message is there at each scrape (protocol 6)."""

from prometheus_client.parser import text_string_to_metric_families

from bodhisattva.servers.core.telemetry.metrics import Metrics


def sample(metrics: Metrics, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(metrics.render().decode())
    (value,) = (
        each.value
        for family in families
        for each in family.samples
        if each.name == name and labels.items() <= each.labels.items()
    )
    return value


async def test_s6_counts_add_up_however_often_they_are_scraped() -> None:
    metrics = Metrics("ledger", "ledger-server")
    for _ in range(3):
        metrics.delivered("account", 500)
        assert sample(metrics, "websocket_messages_sent_total", message_type="event") % 500 == 0
    assert sample(metrics, "websocket_messages_sent_total", message_type="event") == 1500
    assert sample(metrics, "websocket_events_total", channel_kind="account", server="ledger-server") == 1500


async def test_s6_an_unknown_type_is_counted_as_other() -> None:
    metrics = Metrics("ledger", "ledger-server")
    metrics.received("x" * 1000)
    assert sample(metrics, "websocket_messages_received_total", message_type="other") == 1


async def test_s6_durations_are_a_histogram_with_the_usual_bounds() -> None:
    metrics = Metrics("ledger", "ledger-server")
    for seconds in (0.001, 0.005, 0.02, 60.0):
        metrics.message_duration.observe(seconds)
    name = "websocket_message_duration_seconds"
    buckets = {bound: sample(metrics, f"{name}_bucket", le=bound) for bound in ("0.005", "0.025", "10.0", "+Inf")}
    assert buckets == {"0.005": 2, "0.025": 3, "10.0": 3, "+Inf": 4}
    assert (sample(metrics, f"{name}_count"), sample(metrics, f"{name}_sum")) == (4, 60.026)
