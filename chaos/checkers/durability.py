"""Is every answered command in the log exactly once, and every refused one nowhere? (protocol 1.2 and section 5)

A command whose answer never came is indeterminate: its events may be there or not, but all or none of them, and not
twice, however often the command was sent. So is one that was answered within what a store lost of its end, and no
other. A log is numbered from 1 without a gap, and what was asked for after an answer stands after what was answered.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bodhisattva.chaos.history import History, Type
from bodhisattva.chaos.verdict import Judgement, Verdict
from bodhisattva.chaos.vocabulary import (
    COMMAND,
    PHASE,
    START,
    STORM,
    Command,
    Phase,
    Place,
    ReadBack,
    Start,
    injections,
    read_back,
    values,
)

EXAMPLES = 5
LOSING = "lose-tail"

Times = Counter[tuple[Place, str]]


def check(history: History) -> Judgement:
    """Invalid when an answered command's event is missing or doubled, or a refused one's is there."""
    invoked = _commands(history, "invoke")
    answered = _commands(history, "ok")
    kept = answered.keys() - _given_up(history)
    refused = _commands(history, "fail")
    logs = read_back(history)
    readable = {key: command for key, command in invoked.items() if _place(command) in logs}
    details = {
        "commands": len(invoked),
        "answered": len(answered),
        "refused": len(refused),
        "indeterminate": len(invoked) - len(answered) - len(refused),
        "answered as a store lost its end": len(answered) - len(kept),
        "retried": sum(command.attempts > 1 for command in answered.values()),
        "findings": _findings(readable, kept, refused.keys(), logs) | _disorder(history, readable, logs),
    }
    return _conclude(details, kept, unread=len(answered.keys() - readable.keys()))


def _findings(
    commands: Mapping[str, Command], answered: Collection[str], refused: Collection[str], logs: Mapping[Place, ReadBack]
) -> dict[str, Any]:
    times: Times = Counter((place, event.id) for place, log in logs.items() for event in log.events)
    counts = {key: _counts(command, times) for key, command in commands.items()}
    wrong = {
        "lost": [key for key, count in counts.items() if key in answered and not all(count)],
        "doubled": [key for key, count in counts.items() if any(number > 1 for number in count)],
        "torn": [key for key, count in counts.items() if key not in answered and any(count) and not all(count)],
        "refused but executed": [key for key, count in counts.items() if key in refused and any(count)],
        "never asked for": _strangers(commands.values(), times),
    }
    return _shown(wrong)


def _disorder(history: History, commands: Mapping[str, Command], logs: Mapping[Place, ReadBack]) -> dict[str, Any]:
    return _shown(
        {
            "misnumbered": [f"{service} {channel}" for (service, channel), log in logs.items() if not _numbered(log)],
            "reordered": list(_reordered(history, commands, logs)),
        }
    )


def _shown(wrong: Mapping[str, Collection[str]]) -> dict[str, Any]:
    return {kind: {"count": len(keys), "ids": sorted(keys)[:EXAMPLES]} for kind, keys in wrong.items() if keys}


def _numbered(log: ReadBack) -> bool:
    return [event.offset for event in log.events] == list(range(1, log.offset + 1))


def _reordered(history: History, commands: Mapping[str, Command], logs: Mapping[Place, ReadBack]) -> Iterable[str]:
    """Commands that were given after another was answered, and stand before it in their log."""
    at = {place: {event.id: event.offset for event in log.events} for place, log in logs.items()}
    newest: Counter[Place] = Counter()
    for operation, command in values(history, COMMAND, None, Command):
        place = _place(command)
        offsets = [at[place][event] for event in command.events if event in at[place]] if command.id in commands else []
        if not offsets:
            continue
        if operation.type == "invoke":
            if min(offsets) < newest[place]:
                yield command.id
        elif operation.type == "ok":
            newest[place] = max(newest[place], *offsets)


def _given_up(history: History) -> set[str]:
    """What was answered from when a store began to lose until it was there again; it may be lost, too."""
    schedule = [step for _, start in values(history, START, "info", Start) for step in start.schedule]
    storm = next((o.time for o, phase in values(history, PHASE, "info", Phase) if phase.name == STORM), 0.0)
    healed = {each.step: o.time for o, each in injections(history) if each.phase == "heal"}
    spans = [
        (storm + step.at, healed.get(number, float("inf")))
        for number, step in enumerate(schedule)
        if step.fault == LOSING
    ]
    return {
        command.id
        for operation, command in values(history, COMMAND, "ok", Command)
        if any(began <= operation.time <= ended for began, ended in spans)
    }


def _conclude(details: dict[str, Any], kept: Collection[str], unread: int) -> Judgement:
    if details["findings"]:
        return Judgement("durability", Verdict.INVALID, details)
    if not kept:
        return Judgement("durability", Verdict.UNKNOWN, {**details, "unknown": "no command was answered"})
    if unread:
        reason = f"the logs of {unread} answered commands were not read back"
        return Judgement("durability", Verdict.UNKNOWN, {**details, "unknown": reason})
    return Judgement("durability", Verdict.VALID, details)


def _commands(history: History, type: Type) -> dict[str, Command]:  # noqa: A002
    return {command.id: command for _, command in values(history, COMMAND, type, Command)}


def _place(command: Command) -> Place:
    return command.service, command.channel


def _counts(command: Command, times: Times) -> list[int]:
    """How often each of the command's events is in the log."""
    return [times[_place(command), event] for event in command.events]


def _strangers(commands: Iterable[Command], times: Times) -> list[str]:
    """Events of the kinds that the commands record, in their logs, that none of them accounts for."""
    known = {(_place(command), event) for command in commands for event in command.events}
    kinds = {(place, event.partition("/")[0]) for place, event in known}
    return [
        event for place, event in times if (place, event) not in known and (place, event.partition("/")[0]) in kinds
    ]
