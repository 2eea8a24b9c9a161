"""Was what the log lost said to be lost? (contract section 5: a log that is another has another epoch)

Within one epoch every subscriber sees each offset after the one before it, and everybody sees the same event there,
and the log has it. A subscriber whose position is of another epoch is told that it cannot be resumed.
"""

from collections import defaultdict
from typing import Any

from bodhisattva.chaos.history import History
from bodhisattva.chaos.verdict import Judgement, Verdict
from bodhisattva.chaos.vocabulary import DELIVER, SUBSCRIBE, Delivery, Subscription, read_back, values

EXAMPLES = 5

Channel = tuple[str, str]
Stream = list[Subscription | Delivery]


def check(history: History) -> Judgement:
    """Invalid when a loss was papered over; unknown when no subscriber saw more than one epoch."""
    streams = _streams(history)
    wrong = {
        "gap": [line for who, stream in streams.items() for line in _gaps(who, stream)],
        "resumed across epochs": [line for who, stream in streams.items() for line in _crossings(who, stream)],
        "two events in one place": _doubles(streams),
        "not in its log": _missing(history, streams),
    }
    findings = {kind: {"count": len(lines), "of": lines[:EXAMPLES]} for kind, lines in wrong.items() if lines}
    epochs = [len({each.epoch for each in stream}) for stream in streams.values()]
    details: dict[str, Any] = {"streams": len(streams), "epochs": max(epochs, default=0), "findings": findings}
    if findings:
        return Judgement("epochs", Verdict.INVALID, details)
    if max(epochs, default=0) < 2:
        return Judgement("epochs", Verdict.UNKNOWN, {**details, "unknown": "nobody saw the log lose anything"})
    return Judgement("epochs", Verdict.VALID, details)


def _streams(history: History) -> dict[str, Stream]:
    """What each subscriber was told, in its order."""
    streams: dict[str, Stream] = defaultdict(list)
    told: list[tuple[float, str, Subscription | Delivery]] = []
    told += [(operation.time, operation.process, each) for operation, each in _answers(history)]
    told += [(operation.time, operation.process, each) for operation, each in values(history, DELIVER, "ok", Delivery)]
    for _, who, each in sorted(told, key=lambda line: line[0]):
        streams[f"{who} on {each.service} {each.channel}"].append(each)
    return streams


def _answers(history: History) -> Any:
    return values(history, SUBSCRIBE, "ok", Subscription)


def _gaps(who: str, stream: Stream) -> list[str]:
    found: list[str] = []
    epoch, offset = "", 0
    for each in stream:
        if isinstance(each, Delivery) and (each.epoch != epoch or each.offset != offset + 1):
            found.append(f"{who}: {each.offset} after {offset}")
        epoch, offset = each.epoch, each.offset
    return found


def _crossings(who: str, stream: Stream) -> list[str]:
    found: list[str] = []
    epoch = ""
    for each in stream:
        if isinstance(each, Subscription) and each.recovered and epoch not in ("", each.epoch):
            found.append(f"{who}: at {each.offset}")
        epoch = each.epoch
    return found


def _doubles(streams: dict[str, Stream]) -> list[str]:
    ids: dict[tuple[str, str, str, int], set[str]] = defaultdict(set)
    for stream in streams.values():
        for each in stream:
            if isinstance(each, Delivery):
                ids[each.service, each.channel, each.epoch, each.offset].add(each.id)
    return [f"{place[1]} at {place[3]}" for place, names in sorted(ids.items()) if len(names) > 1]


def _missing(history: History, streams: dict[str, Stream]) -> list[str]:
    """Events told under the epoch that the log still has, and which it has not."""
    logs = read_back(history)
    found: list[str] = []
    for who, stream in streams.items():
        for each in stream:
            log = logs.get((each.service, each.channel))
            if log is None or not isinstance(each, Delivery) or each.epoch != log.epoch:
                continue
            if {event.offset: event.id for event in log.events}.get(each.offset) != each.id:
                found.append(f"{who}: {each.offset}")
    return found
