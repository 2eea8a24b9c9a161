"""Is every answered command in the log exactly once, and every refused one nowhere? (contract 1.2 and section 5)

A command whose answer never came is indeterminate: its events may be there or not, but all or none of them, and not
twice, however often the command was sent.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bodhisattva.chaos.history import History, Type
from bodhisattva.chaos.verdict import Judgement, Verdict
from bodhisattva.chaos.vocabulary import COMMAND, Command, Place, ReadBack, read_back, values

EXAMPLES = 5

Times = Counter[tuple[Place, str]]


def check(history: History) -> Judgement:
    """Invalid when an answered command's event is missing or doubled, or a refused one's is there."""
    invoked = _commands(history, "invoke")
    answered = _commands(history, "ok")
    refused = _commands(history, "fail")
    logs = read_back(history)
    readable = {key: command for key, command in invoked.items() if _place(command) in logs}
    details = {
        "commands": len(invoked),
        "answered": len(answered),
        "refused": len(refused),
        "indeterminate": len(invoked) - len(answered) - len(refused),
        "retried": sum(command.attempts > 1 for command in answered.values()),
        "findings": _findings(readable, answered.keys(), refused.keys(), logs),
    }
    return _conclude(details, unread=len(answered.keys() - readable.keys()))


def _findings(
    commands: Mapping[str, Command], answered: Collection[str], refused: Collection[str], logs: Mapping[Place, ReadBack]
) -> dict[str, Any]:
    times: Times = Counter((place, event.id) for place, log in logs.items() for event in log.events)
    counts = {key: _counts(command, times) for key, command in commands.items()}
    wrong = {
        "lost": [key for key, count in counts.items() if key in answered and not all(count)],
        "doubled": [key for key, count in counts.items() if any(times > 1 for times in count)],
        "torn": [key for key, count in counts.items() if key not in answered and any(count) and not all(count)],
        "refused but executed": [key for key, count in counts.items() if key in refused and any(count)],
        "never asked for": _strangers(commands.values(), times),
    }
    return {kind: {"count": len(keys), "ids": sorted(keys)[:EXAMPLES]} for kind, keys in wrong.items() if keys}


def _conclude(details: dict[str, Any], unread: int) -> Judgement:
    if details["findings"]:
        return Judgement("durability", Verdict.INVALID, details)
    if not details["answered"]:
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
