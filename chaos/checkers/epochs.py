"""Does a log that lost events begin a new epoch? (protocol 5: another log has another epoch)

Within one epoch every subscriber receives each offset after the one before it, all receive the same event there, and
the log has it. A subscription is not recovered if its position is of another epoch, and only then.
A subscriber that is connected at the end has reached the end of the log, in its epoch.
"""

from collections import defaultdict
from collections.abc import Mapping
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
from bodhisattva.chaos.verdict import CheckResult, Verdict

EXAMPLES = 5

Channel = tuple[str, str]
Stream = list[Subscription | Delivery]


def check(history: History) -> CheckResult:
    """Invalid if a loss was concealed; unknown if no stream has two epochs, or a subscriber did not reconnect."""
    streams, logs = _streams(history), final_reads(history)
    behind = _behind(history, streams, logs)
    wrong = {
        "gap": [line for who, stream in streams.items() for line in _gaps(who, stream)],
        "resumed across epochs": [line for who, stream in streams.items() for line in _crossings(who, stream)],
        "not recovered within an epoch": [
            line for who, stream in streams.items() for line in _not_recovered(who, stream)
        ],
        "behind at the end": [line for line, connected in behind.items() if connected],
        "two events at one offset": _doubles(streams),
        "not in its log": _missing(streams, logs),
    }
    findings = {kind: {"count": len(lines), "of": lines[:EXAMPLES]} for kind, lines in wrong.items() if lines}
    epochs = [len({each.epoch for each in stream}) for stream in streams.values()]
    details: dict[str, Any] = {"streams": len(streams), "epochs": max(epochs, default=0), "findings": findings}
    if findings:
        return CheckResult("epochs", Verdict.INVALID, details)
    if max(epochs, default=0) < 2:
        return CheckResult(
            "epochs", Verdict.UNKNOWN, {**details, "unknown": "no subscriber received events of two epochs"}
        )
    if behind or any(_channel(stream) not in logs for stream in streams.values()):
        reason = "a log was not read, or a subscriber was not connected at the end"
        return CheckResult("epochs", Verdict.UNKNOWN, {**details, "unknown": reason})
    return CheckResult("epochs", Verdict.VALID, details)


def _streams(history: History) -> dict[str, Stream]:
    """What each subscriber received, in order."""
    streams: dict[str, Stream] = defaultdict(list)
    received: list[tuple[float, str, Subscription | Delivery]] = []
    received += [(operation.time, operation.process, each) for operation, each in _answers(history)]
    received += [
        (operation.time, operation.process, each) for operation, each in values(history, DELIVER, "ok", Delivery)
    ]
    for _, who, each in sorted(received, key=lambda line: line[0]):
        streams[f"{who} on {each.service} {each.channel}"].append(each)
    return streams


def _answers(history: History) -> Any:
    return values(history, SUBSCRIBE, "ok", Subscription)


def _gaps(who: str, stream: Stream) -> list[str]:
    """Events, and positions of resumed subscriptions, that do not follow on the offset before."""
    found: list[str] = []
    epoch, offset = "", 0
    for each in stream:
        due = offset + 1 if isinstance(each, Delivery) else offset
        contiguous = isinstance(each, Delivery) or (each.recovered and each.epoch == epoch)
        if contiguous and (each.epoch != epoch or each.offset != due):
            found.append(f"{who}: {each.offset} after {offset}")
        epoch, offset = each.epoch, each.offset
    return found


def _resubscriptions(stream: Stream) -> list[tuple[Subscription | Delivery, Subscription]]:
    """Each later subscription, with what came before it."""
    return [(before, each) for before, each in pairwise(stream) if isinstance(each, Subscription)]


def _crossings(who: str, stream: Stream) -> list[str]:
    return [
        f"{who}: at {each.offset}"
        for before, each in _resubscriptions(stream)
        if each.recovered and before.epoch != each.epoch
    ]


def _not_recovered(who: str, stream: Stream) -> list[str]:
    """Subscriptions that were not resumed although their log was still the same one."""
    found = _resubscriptions(stream)
    return [f"{who}: at {before.offset}" for before, each in found if not each.recovered and before.epoch == each.epoch]


def _behind(history: History, streams: dict[str, Stream], logs: Mapping[Channel, FinalRead]) -> dict[str, bool]:
    """Subscribers that did not reach the end of the log, and whether each was connected."""
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


def _missing(streams: dict[str, Stream], logs: Mapping[Channel, FinalRead]) -> list[str]:
    """Events delivered in the epoch of the log that are not in the log."""
    found: list[str] = []
    for who, stream in streams.items():
        for each in stream:
            log = logs.get((each.service, each.channel))
            if log is None or not isinstance(each, Delivery) or each.epoch != log.epoch:
                continue
            if {event.offset: event.id for event in log.events}.get(each.offset) != each.id:
                found.append(f"{who}: {each.offset}")
    return found
