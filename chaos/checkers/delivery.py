"""Did every subscriber receive every event of its channel once, in order, and nothing else? (protocol 5)

Due is the channel's log, read at the end, from where the subscription began. Deliveries are compared by epoch and
offset, and by the event's id, so that wrong numbers of a server are found.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from bodhisattva.chaos.history import History
from bodhisattva.chaos.operations import (
    CATCH_UP,
    DELIVER,
    SUBSCRIBE,
    CatchUp,
    Delivery,
    FinalRead,
    Subscription,
    final_reads,
    values,
)
from bodhisattva.chaos.verdict import CheckResult, Verdict, combine

EXAMPLES = 5


@dataclass
class Stream:
    """One subscriber of one channel: the offset after which it began, its deliveries, and how often it resumed.

    cut_off: whether it had no connection at the end, although there were further events.
    """

    subscriber: str
    service: str
    channel: str
    since: int
    received: list[Delivery] = field(default_factory=list)
    resumed: int = 0
    cut_off: bool = False

    @property
    def name(self) -> str:
        return f"{self.subscriber} on {self.service} {self.channel}"


def check(history: History) -> CheckResult:
    """Invalid when an event was lost, duplicated, reordered or unexpected; unknown when nothing can be compared."""
    logs = final_reads(history)
    streams = _streams(history)
    findings = {stream.name: _judge(stream, logs.get((stream.service, stream.channel))) for stream in streams}
    details = {
        "subscribers": len({stream.subscriber for stream in streams}),
        "streams": len(streams),
        "delivered": sum(len(stream.received) for stream in streams),
        "resumed": sum(stream.resumed for stream in streams),
        "findings": {name: finding for name, (_, finding) in findings.items() if finding},
    }
    return CheckResult("delivery", combine(verdict for verdict, _ in findings.values()), details)


def _streams(history: History) -> list[Stream]:
    streams: dict[tuple[str, str, str], Stream] = {}
    for operation, answer in values(history, SUBSCRIBE, "ok", Subscription):
        where = (operation.process, answer.service, answer.channel)
        if where in streams:
            streams[where].resumed += 1
        else:
            streams[where] = Stream(*where, since=answer.offset)
    for operation, delivery in values(history, DELIVER, "ok", Delivery):
        where = (operation.process, delivery.service, delivery.channel)
        streams.setdefault(where, Stream(*where, since=0)).received.append(delivery)
    for operation, end in values(history, CATCH_UP, "info", CatchUp):
        where = (operation.process, end.service, end.channel)
        if where in streams:
            streams[where].cut_off = not end.connected
    return list(streams.values())


def _judge(stream: Stream, log: FinalRead | None) -> tuple[Verdict, dict[str, Any]]:
    if log is None:
        return Verdict.UNKNOWN, {"unknown": "the channel's log was not read"}
    expected = {event.offset: event.id for event in log.events if event.offset > stream.since}
    if not expected and not stream.received:
        return Verdict.UNKNOWN, {"unknown": "no event happened after the subscription began"}
    last_seen = max((delivery.offset for delivery in stream.received), default=stream.since)
    missing = sorted(expected.keys() - {delivery.offset for delivery in stream.received})
    # A subscriber that never reconnected cannot miss what came after its connection ended.
    unreached = [offset for offset in missing if stream.cut_off and offset > last_seen]
    wrong = {
        "lost": [offset for offset in missing if offset not in unreached],
        "duplicated": _duplicated(stream.received),
        "reordered": [after.offset for before, after in pairwise(stream.received) if after.offset < before.offset],
        "unexpected": [
            delivery.offset
            for delivery in stream.received
            if delivery.epoch != log.epoch or expected.get(delivery.offset) != delivery.id
        ],
    }
    if any(wrong.values()):
        return Verdict.INVALID, {kind: _shown(offsets) for kind, offsets in wrong.items() if offsets}
    if unreached:
        return Verdict.UNKNOWN, {"unknown": f"not connected at the end, {len(unreached)} events outstanding"}
    return Verdict.VALID, {}


def _duplicated(received: list[Delivery]) -> list[int]:
    places = Counter((delivery.epoch, delivery.offset) for delivery in received)
    ids = Counter(delivery.id for delivery in received)
    return sorted({d.offset for d in received if places[d.epoch, d.offset] > 1 or ids[d.id] > 1})


def _shown(offsets: Iterable[int]) -> dict[str, Any]:
    found = list(offsets)
    return {"count": len(found), "offsets": found[:EXAMPLES]}
