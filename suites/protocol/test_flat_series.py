"""Where nothing moves there is no scale to judge by: what is nothing beside the values is no finding (8)."""

from functools import partial

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.wire import WireClient

FLAT = [5.0] * 60


@clause(
    "PROTOCOL-226",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="In a flat series a deviation that is nothing beside its values is no anomaly, and a jump is one.",
    services=("akosha",),
)
async def test_jumps_of_a_flat_series_are_anomalies_by_their_size(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    await client.subscribe("anomalies")
    for n, values in enumerate(([*FLAT, 5 + 1e-7], [*FLAT, 5 + 1e-12], [0.3] * 60 + [0.1 + 0.2], [*FLAT, 5 + 1e-6])):
        series = await ingest(client, f"sample.{sample.key(n)}", values)
        result = [e.data for e in await client.fence() if e.event == "anomaly.detected" and is_about(series, e)]
        assert not result, f"rounding is an anomaly: {result}"
    for n, values in enumerate(([*FLAT, 50], [5.0] * 12 + [50], [*FLAT, 0], [0.0] * 60 + [5]), start=10):
        series = await ingest(client, f"sample.{sample.key(n)}", values)
        jump = await client.event("anomaly.detected", "anomalies", where=partial(is_about, series))
        assert jump.data["metrics"]["value"] == values[-1]


@clause(
    "PROTOCOL-227",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="Differences of rounding are no pattern, and a lasting step is one.",
    services=("akosha",),
)
async def test_rounding_is_no_pattern(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    rounding = {
        1: [0.3] * 20 + [0.1 + 0.2] * 20,
        2: [1 + 1e-16 * place for place in range(60)],
        3: [5 + 1e-15 * (place % 6) for place in range(120)],
        4: [0.0] * 60 + [1e-17] * 20,
    }
    for n, values in rounding.items():
        await client.subscribe(f"patterns:{sample.key(n)}")
        await ingest(client, f"{sample.key(n)}.rounded", values)
        result = [e.data for e in await client.fence() if e.event == "pattern.detected"]
        assert not result, f"rounding is a pattern: {result}"
    await client.subscribe(f"patterns:{sample.key(5)}")
    await ingest(client, f"{sample.key(5)}.step", [5.0] * 20 + [6.0] * 20)
    await client.event("pattern.detected", f"patterns:{sample.key(5)}")


def is_about(series: str, event: Envelope) -> bool:
    return bool(event.data["series"] == series)


async def ingest(client: WireClient, series: str, values: list[float]) -> str:
    await client.answer("ingest", {"series": series, "points": [{"value": value} for value in values]})
    return series
