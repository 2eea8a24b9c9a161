"""Is every answered command in the log exactly once, and every refused one nowhere? (protocol 1.2 and section 5)

A command whose answer never came is indeterminate: its events may be there or not, but all or none of them, and not
twice, however often the command was sent. So is one that was answered within what a store lost of its end, and no
other. A log is numbered from 1 without a gap, and a command invoked after a response is after the answered one.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bodhisattva.chaos.history import History, Type
from bodhisattva.chaos.operations import (
    COMMAND,
    OPEN_PHASE,
    PHASE,
    START,
    ChannelKey,
    Command,
    FinalRead,
    Phase,
    Start,
    final_reads,
    injections,
    values,
)
from bodhisattva.chaos.verdict import CheckResult, Verdict

EXAMPLES = 5
LOSING = "lose-tail"

Logs = Mapping[ChannelKey, FinalRead]
Times = Counter[tuple[ChannelKey, str]]


def check(history: History) -> CheckResult:
    """Invalid if an answered command's event is missing or duplicated, or a refused one's is there."""
    invoked = _commands(history, "invoke")
    answered = _commands(history, "ok")
    kept = answered.keys() - _may_be_lost(history)
    refused = _commands(history, "fail")
    logs = final_reads(history)
    readable = {key: command for key, command in invoked.items() if _channel(command) in logs}
    details = {
        "commands": len(invoked),
        "answered": len(answered),
        "refused": len(refused),
        "indeterminate": len(invoked) - len(answered) - len(refused),
        "answered while a store lost its tail": len(answered) - len(kept),
        "retried": sum(command.attempts > 1 for command in answered.values()),
        "findings": _findings(readable, kept, refused.keys(), logs) | _order_findings(history, readable, logs),
    }
    return _conclude(details, kept, unread=len(answered.keys() - readable.keys()))


def _findings(
    commands: Mapping[str, Command],
    answered: Collection[str],
    refused: Collection[str],
    logs: Logs,
) -> dict[str, Any]:
    times: Times = Counter((channel, event.id) for channel, log in logs.items() for event in log.events)
    counts = {key: _counts(command, times) for key, command in commands.items()}
    wrong = {
        "lost": [key for key, count in counts.items() if key in answered and not all(count)],
        "duplicated": [key for key, count in counts.items() if any(number > 1 for number in count)],
        "partial": [key for key, count in counts.items() if key not in answered and any(count) and not all(count)],
        "refused but executed": [key for key, count in counts.items() if key in refused and any(count)],
        "unexpected": _unexpected(commands.values(), times),
    }
    return _shown(wrong)


def _order_findings(history: History, commands: Mapping[str, Command], logs: Logs) -> dict[str, Any]:
    return _shown(
        {
            "misnumbered": [f"{service} {channel}" for (service, channel), log in logs.items() if not _numbered(log)],
            "reordered": list(_reordered(history, commands, logs)),
        }
    )


def _shown(wrong: Mapping[str, Collection[str]]) -> dict[str, Any]:
    return {kind: {"count": len(keys), "ids": sorted(keys)[:EXAMPLES]} for kind, keys in wrong.items() if keys}


def _numbered(log: FinalRead) -> bool:
    return [event.offset for event in log.events] == list(range(1, log.offset + 1))


def _reordered(history: History, commands: Mapping[str, Command], logs: Logs) -> Iterable[str]:
    """Commands invoked after another was answered, but before it in their log."""
    at = {channel: {event.id: event.offset for event in log.events} for channel, log in logs.items()}
    newest: Counter[ChannelKey] = Counter()
    for operation, command in values(history, COMMAND, None, Command):
        channel = _channel(command)
        offsets = (
            [at[channel][event] for event in command.events if event in at[channel]] if command.id in commands else []
        )
        if not offsets:
            continue
        if operation.type == "invoke":
            if min(offsets) < newest[channel]:
                yield command.id
        elif operation.type == "ok":
            newest[channel] = max(newest[channel], *offsets)


def _may_be_lost(history: History) -> set[str]:
    """Commands answered from when a store began to lose its tail until it was healed; these may be lost, too."""
    schedule = [step for _, start in values(history, START, "info", Start) for step in start.schedule]
    begun = next((o.time for o, phase in values(history, PHASE, "info", Phase) if _opened(phase)), 0.0)
    healed = {each.step: o.time for o, each in injections(history) if each.phase == "heal"}
    spans = [
        (begun + step.at, healed.get(number, float("inf")))
        for number, step in enumerate(schedule)
        if step.fault == LOSING
    ]
    return {
        command.id
        for operation, command in values(history, COMMAND, "ok", Command)
        if any(began <= operation.time <= ended for began, ended in spans)
    }


def _opened(phase: Phase) -> bool:
    """Whether this is the end of the phase before the faults; the times of the schedule count from then."""
    return phase.name == OPEN_PHASE and phase.state == "ended"


def _conclude(details: dict[str, Any], kept: Collection[str], unread: int) -> CheckResult:
    if details["findings"]:
        return CheckResult("durability", Verdict.INVALID, details)
    if not kept:
        return CheckResult("durability", Verdict.UNKNOWN, {**details, "unknown": "no command was answered"})
    if unread:
        reason = f"the logs of {unread} answered commands were not read back"
        return CheckResult("durability", Verdict.UNKNOWN, {**details, "unknown": reason})
    return CheckResult("durability", Verdict.VALID, details)


def _commands(history: History, type: Type) -> dict[str, Command]:  # noqa: A002
    return {command.id: command for _, command in values(history, COMMAND, type, Command)}


def _channel(command: Command) -> ChannelKey:
    return command.service, command.channel


def _counts(command: Command, times: Times) -> list[int]:
    """How often each of the command's events is in the log."""
    return [times[_channel(command), event] for event in command.events]


def _unexpected(commands: Iterable[Command], times: Times) -> list[str]:
    """Events of the kinds that the commands record, in their logs, that none of them accounts for."""
    known = {(_channel(command), event) for command in commands for event in command.events}
    kinds = {(channel, event.partition("/")[0]) for channel, event in known}
    return [
        event
        for channel, event in times
        if (channel, event) not in known and (channel, event.partition("/")[0]) in kinds
    ]
