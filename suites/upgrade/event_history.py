"""A channel's history, as clients can read it."""

import json
import uuid

from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.request_samples import RequestSamples, Series
from bodhisattva.fixtures.stack.controls import Capability
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.protocol import event_series

History = list[dict[str, object]]


async def read_history(client: WireClient, channel: str) -> History:
    """All events of a channel in the order of their offsets, page by page, each with the epoch of its page."""
    events: History = []
    after = 0
    while True:
        page = (await client.answer("history", {"channel": channel, "after": after})).data
        events += [{**event, "epoch": page["epoch"]} for event in page["events"]]
        if not page["events"] or page["events"][-1]["offset"] >= page["offset"]:
            return events
        after = page["events"][-1]["offset"]


async def send_all(client: WireClient, series: Series) -> list[str]:
    """Send the series without waiting for answers; the ids in order, the same each time for the same series."""
    own = uuid.uuid5(uuid.NAMESPACE_OID, repr(series.calls))
    names = [f"{own} {number}" for number in range(len(series.calls))]
    for name, (event, data) in zip(names, series.calls, strict=True):
        await client.send({"type": "request", "id": name, "event": event, "data": data})
    return names


def answered_ids(client: WireClient) -> set[str]:
    """The ids of the requests whose response has arrived and was not taken."""
    return {str(frame.correlation_id) for frame in client.inbox if frame.type == "response"}


def series_numbers(events: History, series: Series, sample: RequestSamples) -> list[int]:
    """Which commands of the series the events come from, in order; events of others are passed over."""
    return event_series.series_numbers([Envelope(event, json.dumps(event), 0) for event in events], series, sample)


def assert_contiguous_history(events: History, node: Node) -> None:
    """One epoch, and offsets that rise by one: from 1, or where a deployment's log begins."""
    offsets = [int(str(event["offset"])) for event in events]
    first = 1 if node.allows(Capability.FRESH) or not offsets else offsets[0]
    assert offsets == list(range(first, first + len(events))), f"offsets are not unbroken: {offsets[:20]}"
    assert len({event["epoch"] for event in events}) <= 1, "several epochs in one log"
