"""Was what the log lost said to be lost? (protocol section 5: a log that is another has another epoch)

Within one epoch every subscriber sees each offset after the one before it, and everybody sees the same event there,
and the log has it. A subscriber whose position is of another epoch is told that it cannot be resumed, and only then.
Who is connected at the end has come to the end of the log, in its epoch.
"""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from bodhisattva.chaos.history import History
from bodhisattva.chaos.verdict import Judgement, Verdict
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

Channel = tuple[str, str]
Stream = list[Subscription | Delivery]


def check(history: History) -> Judgement:
    """Invalid when a loss was papered over; unknown when nobody saw two epochs, or one did not get back in."""
    streams, logs = _streams(history), read_back(history)
    behind = _behind(history, streams, logs)
    wrong = {
        "gap": [line for who, stream in streams.items() for line in _gaps(who, stream)],
        "resumed across epochs": [line for who, stream in streams.items() for line in _crossings(who, stream)],
        "let go within an epoch": [line for who, stream in streams.items() for line in _let_go(who, stream)],
        "left behind": [line for line, connected in behind.items() if connected],
        "two events in one place": _doubles(streams),
        "not in its log": _missing(streams, logs),
    }
    findings = {kind: {"count": len(lines), "of": lines[:EXAMPLES]} for kind, lines in wrong.items() if lines}
    epochs = [len({each.epoch for each in stream}) for stream in streams.values()]
    details: dict[str, Any] = {"streams": len(streams), "epochs": max(epochs, default=0), "findings": findings}
    if findings:
        return Judgement("epochs", Verdict.INVALID, details)
    if max(epochs, default=0) < 2:
        return Judgement("epochs", Verdict.UNKNOWN, {**details, "unknown": "nobody saw the log lose anything"})
    if behind or any(_channel(stream) not in logs for stream in streams.values()):
        reason = "a log was not read back, or who heard it was not connected at the end"
        return Judgement("epochs", Verdict.UNKNOWN, {**details, "unknown": reason})
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
    """What does not follow on what came before, be it an event or the place where a subscription goes on."""
    found: list[str] = []
    epoch, offset = "", 0
    for each in stream:
        due = offset + 1 if isinstance(each, Delivery) else offset
        goes_on = isinstance(each, Delivery) or (each.recovered and each.epoch == epoch)
        if goes_on and (each.epoch != epoch or each.offset != due):
            found.append(f"{who}: {each.offset} after {offset}")
        epoch, offset = each.epoch, each.offset
    return found


def _again(stream: Stream) -> list[tuple[Subscription | Delivery, Subscription]]:
    """Each later subscription, with what came before it."""
    return [(before, each) for before, each in pairwise(stream) if isinstance(each, Subscription)]


def _crossings(who: str, stream: Stream) -> list[str]:
    return [
        f"{who}: at {each.offset}" for before, each in _again(stream) if each.recovered and before.epoch != each.epoch
    ]


def _let_go(who: str, stream: Stream) -> list[str]:
    """Subscriptions that were not resumed although their log was still the same one."""
    again = _again(stream)
    return [f"{who}: at {before.offset}" for before, each in again if not each.recovered and before.epoch == each.epoch]


def _behind(history: History, streams: dict[str, Stream], logs: Mapping[Channel, ReadBack]) -> dict[str, bool]:
    """Who was not at the end of the log at the end, and whether it was connected."""
    found: dict[str, bool] = {}
    for operation, end in values(history, CATCH_UP, None, CatchUp):
        log = logs.get((end.service, end.channel))
        who = f"{operation.process} on {end.service} {end.channel}"
        last = streams[who][-1] if who in streams else None
        if log is not None and (last is None or (last.epoch, last.offset) != (log.epoch, log.offset)):
            found[f"{who}: {last.offset if last else 0} of {log.offset}"] = end.connected
    return found


def _channel(stream: Stream) -> Channel:
    return stream[0].service, stream[0].channel


def _doubles(streams: dict[str, Stream]) -> list[str]:
    ids: dict[tuple[str, str, str, int], set[str]] = defaultdict(set)
    for stream in streams.values():
        for each in stream:
            if isinstance(each, Delivery):
                ids[each.service, each.channel, each.epoch, each.offset].add(each.id)
    return [f"{place[1]} at {place[3]}" for place, names in sorted(ids.items()) if len(names) > 1]


def _missing(streams: dict[str, Stream], logs: Mapping[Channel, ReadBack]) -> list[str]:
    """Events told under the epoch that the log still has, and which it has not."""
    found: list[str] = []
    for who, stream in streams.items():
        for each in stream:
            log = logs.get((each.service, each.channel))
            if log is None or not isinstance(each, Delivery) or each.epoch != log.epoch:
                continue
            if {event.offset: event.id for event in log.events}.get(each.offset) != each.id:
                found.append(f"{who}: {each.offset}")
    return found
