"""Is every path a versioned register that all replicas have in common? (protocol section 8, compare-and-set)

Each write that succeeds says which version it made, so the order of the writes is known and needs no search: a history
is linearizable if and only if, path by path,

- one and the same version was never made twice, and each is the successor of the version that its writer expected;
- what was answered stands in the log at its version, what was refused stands nowhere, and the log has nothing else;
- an attempt that was never answered and stands in the log is the successor of the version that it expected, too;
- what ended before something else began has no later version than it (and a write has an earlier one);
- a look shows the value that the log has at its version, of a write that had begun before the look ended;
- a refusal was possible: the successor of the expected version was there before it ended, and from then on.

An attempt that was never answered may have happened or not; the log says which. What a writer expects it has seen.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bodhisattva.chaos.history import History, HistoryError
from bodhisattva.chaos.verdict import Judgement, Verdict
from bodhisattva.chaos.vocabulary import LOOK, SET, WRITTEN, Attempt, Look, Written, values

EXAMPLES = 5
FEWEST = 10
_NEVER = float("inf")

Path = tuple[str, str]


@dataclass(frozen=True)
class Span:
    """Something that happened to a path between two moments. version: that it made or showed."""

    name: str
    began: float
    ended: float
    version: int
    writes: bool


@dataclass
class Register:
    """All that is known about one path. written: its values by the log, the first of version 1; None: not read."""

    attempts: dict[str, tuple[Attempt, float]]
    won: dict[str, tuple[Attempt, float]]
    refused: dict[str, tuple[Attempt, float]]
    looks: list[tuple[Look, float, float]]
    written: tuple[str, ...] | None = None


def check(history: History) -> Judgement:
    """Invalid when no order of the operations explains what was answered; unknown when little was set, or not read."""
    registers = _registers(history)
    findings = {"/".join(path): found for path, register in registers.items() if (found := dict(_findings(register)))}
    won = sum(len(register.won) for register in registers.values())
    refused = sum(len(register.refused) for register in registers.values())
    details: dict[str, Any] = {
        "paths": len(registers),
        "attempts": sum(len(register.attempts) for register in registers.values()),
        "won": won,
        "refused": refused,
        "looks": sum(len(register.looks) for register in registers.values()),
        "findings": findings,
    }
    if findings:
        return Judgement("register", Verdict.INVALID, details)
    if not registers or any(register.written is None for register in registers.values()):
        return Judgement("register", Verdict.UNKNOWN, {**details, "unknown": "a path was not read at the end"})
    if won < FEWEST or not refused:
        return Judgement("register", Verdict.UNKNOWN, {**details, "unknown": "there was no race to speak of"})
    return Judgement("register", Verdict.VALID, details)


def _registers(history: History) -> dict[Path, Register]:
    registers: dict[Path, Register] = {}

    def register(about: Attempt | Look | Written) -> Register:
        return registers.setdefault((about.service, about.path), Register({}, {}, {}, []))

    for operation, attempt in values(history, SET, "invoke", Attempt):
        register(attempt).attempts[attempt.value] = (attempt, operation.time)
    for operation, attempt in values(history, SET, "ok", Attempt):
        register(attempt).won[attempt.value] = (attempt, operation.time)
    for operation, attempt in values(history, SET, "fail", Attempt):
        register(attempt).refused[attempt.value] = (attempt, operation.time)
    for look, start, end in _looks(history):
        register(look).looks.append((look, start, end))
    for _, written in values(history, WRITTEN, "ok", Written):
        register(written).written = written.values
    return registers


def _looks(history: History) -> Iterator[tuple[Look, float, float]]:
    """Each look with its beginning and its end; a process has one at a time."""
    shown = values(history, LOOK, "ok", Look)
    began: dict[str, float] = {}
    for operation in history.select(f=LOOK):
        if operation.type == "invoke":
            began[operation.process] = operation.time
        elif operation.type == "ok":
            _, look = next(shown)
            if operation.process not in began:
                raise HistoryError(f"the look of {operation.process} at {operation.time} s ended before it began")
            yield look, began[operation.process], operation.time


def _findings(register: Register) -> Iterator[tuple[str, Any]]:
    log = register.written
    wrong = {
        "several winners": _several(register),
        "skipped": [v for v, (won, _) in register.won.items() if won.version != won.expected + 1],
        "done on another version": list(_misplaced(register)),
        "lost": [v for v, (won, _) in register.won.items() if log is not None and not _stands(log, won)],
        "refused but done": [v for v in register.refused if log is not None and v in log],
        "done twice": [v for v, times in Counter(log or ()).items() if times > 1],
        "never asked for": [v for v in log or () if v not in register.attempts],
        "phantom": [look.value for look, _, end in register.looks if log is not None and _phantom(register, look, end)],
        "turned back": _turned_back(list(_spans(register)), list(_refusals(register))),
        "refused without reason": [
            v for v, (a, end) in register.refused.items() if log is not None and _baseless(register, a, end)
        ],
    }
    return ((kind, {"count": len(names), "of": names[:EXAMPLES]}) for kind, names in wrong.items() if names)


def _several(register: Register) -> list[str]:
    made = Counter(won.version for won, _ in register.won.values())
    return [f"version {version}" for version, times in sorted(made.items()) if times > 1]


def _misplaced(register: Register) -> Iterator[str]:
    """What was never answered and stands in the log, but not as the successor of the version that it expected."""
    for number, value in enumerate(register.written or (), start=1):
        answered = value in register.won or value in register.refused
        if value in register.attempts and not answered and register.attempts[value][0].expected + 1 != number:
            yield value


def _stands(log: tuple[str, ...], won: Attempt) -> bool:
    return 0 < won.version <= len(log) and log[won.version - 1] == won.value


def _phantom(register: Register, look: Look, ended: float) -> bool:
    """Whether a look shows what the log does not have there, or what nobody had begun to write."""
    log = register.written or ()
    if look.version == 0:
        return look.value != ""
    there = look.version <= len(log) and log[look.version - 1] == look.value
    _, began = register.attempts.get(look.value, (None, _NEVER))
    return not there or began > ended


def _spans(register: Register) -> Iterable[Span]:
    versions = {value: number for number, value in enumerate(register.written or (), start=1)}
    for value, (_, began) in register.attempts.items():
        if value in register.won:
            won, ended = register.won[value]
            yield Span(value, began, ended, won.version, True)
        elif value in versions:
            yield Span(value, began, _NEVER, versions[value], True)
    for look, began, ended in register.looks:
        yield Span(f"look at {look.version}", began, ended, look.version, False)


def _refusals(register: Register) -> Iterator[Span]:
    """What each refusal shows: that there is a later version than the one expected."""
    for value, (attempt, ended) in register.refused.items():
        yield Span(value, ended, ended, attempt.expected + 1, False)


def _turned_back(spans: list[Span], refusals: list[Span]) -> list[str]:
    """What shows or makes an older version although a later one was there before it began."""
    found = []
    ends = sorted([*spans, *refusals], key=lambda span: span.ended)
    newest, position = 0, 0
    for span in sorted(spans, key=lambda span: span.began):
        while position < len(ends) and ends[position].ended < span.began:
            newest = max(newest, ends[position].version)
            position += 1
        if span.version < newest or (span.writes and span.version == newest and newest > 0):
            found.append(span.name)
    return found


def _baseless(register: Register, refused: Attempt, ended: float) -> bool:
    """Whether nobody had begun to replace the expected version when it was refused."""
    return not any(
        span.writes and span.version == refused.expected + 1 and span.began < ended for span in _spans(register)
    )
