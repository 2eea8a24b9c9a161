"""Did every subscriber see every event of its channel once, in order, and nothing else? (protocol section 5)

What should have been seen is the channel's log, read at the end, from where the subscription began. Seen is judged
both by place (epoch and offset) and by the event's id, so that a server that numbers wrongly does not acquit itself.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from bodhisattva.chaos.history import History
from bodhisattva.chaos.verdict import Judgement, Verdict, combine
from bodhisattva.chaos.vocabulary import (
    CATCH_UP,
    DELIVER,
    SUBSCRIBE,
    CatchUp,
    Delivery,
    ReadBack,
    Subscription,
    read_back,
    values,
)

EXAMPLES = 5


@dataclass
class Stream:
    """One subscriber of one channel: the offset after which it began, what it saw, and how often it came back.

    cut_off: whether it had no connection at the end, although there was more to see.
    """

    subscriber: str
    service: str
    channel: str
    since: int
    seen: list[Delivery] = field(default_factory=list)
    resumed: int = 0
    cut_off: bool = False

    @property
    def name(self) -> str:
        return f"{self.subscriber} on {self.service} {self.channel}"


def check(history: History) -> Judgement:
    """Invalid when an event was lost, duplicated, reordered or invented; unknown when nothing can be compared."""
    logs = read_back(history)
    streams = _streams(history)
    findings = {stream.name: _judge(stream, logs.get((stream.service, stream.channel))) for stream in streams}
    details = {
        "subscribers": len({stream.subscriber for stream in streams}),
        "streams": len(streams),
        "delivered": sum(len(stream.seen) for stream in streams),
        "resumed": sum(stream.resumed for stream in streams),
        "findings": {name: finding for name, (_, finding) in findings.items() if finding},
    }
    return Judgement("delivery", combine(verdict for verdict, _ in findings.values()), details)


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
        streams.setdefault(where, Stream(*where, since=0)).seen.append(delivery)
    for operation, end in values(history, CATCH_UP, "info", CatchUp):
        where = (operation.process, end.service, end.channel)
        if where in streams:
            streams[where].cut_off = not end.connected
    return list(streams.values())


def _judge(stream: Stream, log: ReadBack | None) -> tuple[Verdict, dict[str, Any]]:
    if log is None:
        return Verdict.UNKNOWN, {"unknown": "the channel's log was not read back"}
    expected = {event.offset: event.id for event in log.events if event.offset > stream.since}
    if not expected and not stream.seen:
        return Verdict.UNKNOWN, {"unknown": "no event happened after the subscription began"}
    last_seen = max((delivery.offset for delivery in stream.seen), default=stream.since)
    missing = sorted(expected.keys() - {delivery.offset for delivery in stream.seen})
    # A subscriber that never got back in cannot miss what came after its connection ended.
    unreached = [offset for offset in missing if stream.cut_off and offset > last_seen]
    wrong = {
        "lost": [offset for offset in missing if offset not in unreached],
        "duplicated": _duplicated(stream.seen),
        "reordered": [after.offset for before, after in pairwise(stream.seen) if after.offset < before.offset],
        "phantom": [
            delivery.offset
            for delivery in stream.seen
            if delivery.epoch != log.epoch or expected.get(delivery.offset) != delivery.id
        ],
    }
    if any(wrong.values()):
        return Verdict.INVALID, {kind: _shown(offsets) for kind, offsets in wrong.items() if offsets}
    if unreached:
        return Verdict.UNKNOWN, {"unknown": f"not connected at the end, {len(unreached)} events outstanding"}
    return Verdict.VALID, {}


def _duplicated(seen: list[Delivery]) -> list[int]:
    places = Counter((delivery.epoch, delivery.offset) for delivery in seen)
    ids = Counter(delivery.id for delivery in seen)
    return sorted({d.offset for d in seen if places[d.epoch, d.offset] > 1 or ids[d.id] > 1})


def _shown(offsets: Iterable[int]) -> dict[str, Any]:
    found = list(offsets)
    return {"count": len(found), "offsets": found[:EXAMPLES]}
