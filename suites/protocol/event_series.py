"""What the clauses about channels share: receiving a series to its end, and checking the order of its events."""

from collections.abc import Sequence

from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.request_samples import Call, RequestSamples, Series
from bodhisattva.fixtures.wire import WireClient


async def perform(client: WireClient, calls: Sequence[Call]) -> None:
    """Send commands one after the other; each must succeed."""
    for call in calls:
        await client.answer(*call)


async def receive_series(
    client: WireClient, series: Series, sample: RequestSamples, count: int, n: object = 0
) -> list[Envelope]:
    """Every event on the series' channel, up to and including the `count`-th of the series itself."""
    received: list[Envelope] = []
    own = 0
    while own < count:
        received.append(await client.event(room=series.channel))
        own += received[-1].event == series.event and sample.concerns(received[-1], n)
    return received


def series_numbers(events: Sequence[Envelope], series: Series, sample: RequestSamples, n: object = 0) -> list[int]:
    """Which calls of the series the events come from, in order; events of others are passed over."""
    return [series.number(e) for e in events if e.event == series.event and sample.concerns(e, n)]


def assert_contiguous(events: Sequence[Envelope], after: int) -> None:
    """The events' offsets follow on `after`, each exactly one higher."""
    offsets = [event.offset for event in events]
    assert offsets == list(range(after + 1, after + 1 + len(events))), f"after {after} came offsets {offsets}"
