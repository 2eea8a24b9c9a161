"""Is every path a versioned register that all replicas have in common? (protocol 8, compare-and-set)

The response to a write has the version that it made, so the order of the writes is known and needs no search: a history
is linearizable if and only if, path by path,

- one and the same version was never made twice, and each is the successor of the version that its writer expected;
- what was answered stands in the log at its version, what was refused stands nowhere, and the log has nothing else;
- an attempt that was never answered and stands in the log is the successor of the version that it expected, too;
- what ended before something else began has no later version than it (and a write has an earlier one);
- a read returns the value that the log has at its version, of a write that had begun before the read ended;
- a refusal was possible: the successor of the expected version was there before it ended, and from then on.

An attempt that was never answered may have happened or not; the log decides. A writer expects what it has read.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bodhisattva.chaos.history import History, HistoryError
from bodhisattva.chaos.operations import FINAL_REGISTER, GET, SET, CompareAndSet, FinalRegister, RegisterRead, values
from bodhisattva.chaos.verdict import CheckResult, Verdict

EXAMPLES = 5
FEWEST = 10
_NEVER = float("inf")

Path = tuple[str, str]


@dataclass(frozen=True)
class Span:
    """An operation on a path from its invocation to its completion. version: that it made or returned."""

    name: str
    began: float
    ended: float
    version: int
    writes: bool


@dataclass
class Register:
    """The operations on one path. written: its values by the log, the first of version 1; None: not read."""

    attempts: dict[str, tuple[CompareAndSet, float]]
    won: dict[str, tuple[CompareAndSet, float]]
    refused: dict[str, tuple[CompareAndSet, float]]
    reads: list[tuple[RegisterRead, float, float]]
    written: tuple[str, ...] | None = None


def check(history: History) -> CheckResult:
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
        "reads": sum(len(register.reads) for register in registers.values()),
        "findings": findings,
    }
    if findings:
        return CheckResult("register", Verdict.INVALID, details)
    if not registers or any(register.written is None for register in registers.values()):
        return CheckResult("register", Verdict.UNKNOWN, {**details, "unknown": "a path was not read at the end"})
    if won < FEWEST or not refused:
        return CheckResult(
            "register", Verdict.UNKNOWN, {**details, "unknown": "too few operations won or were refused"}
        )
    return CheckResult("register", Verdict.VALID, details)


def _registers(history: History) -> dict[Path, Register]:
    registers: dict[Path, Register] = {}

    def register(about: CompareAndSet | RegisterRead | FinalRegister) -> Register:
        return registers.setdefault((about.service, about.path), Register({}, {}, {}, []))

    for operation, attempt in values(history, SET, "invoke", CompareAndSet):
        register(attempt).attempts[attempt.value] = (attempt, operation.time)
    for operation, attempt in values(history, SET, "ok", CompareAndSet):
        register(attempt).won[attempt.value] = (attempt, operation.time)
    for operation, attempt in values(history, SET, "fail", CompareAndSet):
        register(attempt).refused[attempt.value] = (attempt, operation.time)
    for read, start, end in _reads(history):
        register(read).reads.append((read, start, end))
    for _, written in values(history, FINAL_REGISTER, "ok", FinalRegister):
        register(written).written = written.values
    return registers


def _reads(history: History) -> Iterator[tuple[RegisterRead, float, float]]:
    """Each read with its beginning and its end; a process has one at a time."""
    shown = values(history, GET, "ok", RegisterRead)
    began: dict[str, float] = {}
    for operation in history.select(f=GET):
        if operation.type == "invoke":
            began[operation.process] = operation.time
        elif operation.type == "ok":
            _, read = next(shown)
            if operation.process not in began:
                raise HistoryError(f"the get of {operation.process} at {operation.time} s ended before it began")
            yield read, began[operation.process], operation.time


def _findings(register: Register) -> Iterator[tuple[str, Any]]:
    log = register.written
    wrong = {
        "version made twice": _made_twice(register),
        "skipped": [v for v, (won, _) in register.won.items() if won.version != won.expected + 1],
        "wrong version": list(_wrong_version(register)),
        "lost": [v for v, (won, _) in register.won.items() if log is not None and not _in_log(log, won)],
        "refused but executed": [v for v in register.refused if log is not None and v in log],
        "duplicated": [v for v, times in Counter(log or ()).items() if times > 1],
        "unexpected": [v for v in log or () if v not in register.attempts],
        "phantom read": [
            read.value for read, _, end in register.reads if log is not None and _phantom(register, read, end)
        ],
        "stale": _stale(list(_spans(register)), list(_refusals(register))),
        "refused without reason": [
            v for v, (a, end) in register.refused.items() if log is not None and _unfounded(register, a, end)
        ],
    }
    return ((kind, {"count": len(names), "of": names[:EXAMPLES]}) for kind, names in wrong.items() if names)


def _made_twice(register: Register) -> list[str]:
    made = Counter(won.version for won, _ in register.won.values())
    return [f"version {version}" for version, times in sorted(made.items()) if times > 1]


def _wrong_version(register: Register) -> Iterator[str]:
    """What was never answered and stands in the log, but not as the successor of the version that it expected."""
    for number, value in enumerate(register.written or (), start=1):
        answered = value in register.won or value in register.refused
        if value in register.attempts and not answered and register.attempts[value][0].expected + 1 != number:
            yield value


def _in_log(log: tuple[str, ...], won: CompareAndSet) -> bool:
    return 0 < won.version <= len(log) and log[won.version - 1] == won.value


def _phantom(register: Register, read: RegisterRead, ended: float) -> bool:
    """Whether a read returned what the log does not have there, or what no write had begun."""
    log = register.written or ()
    if read.version == 0:
        return read.value != ""
    there = read.version <= len(log) and log[read.version - 1] == read.value
    _, began = register.attempts.get(read.value, (None, _NEVER))
    return not there or began > ended


def _spans(register: Register) -> Iterable[Span]:
    versions = {value: number for number, value in enumerate(register.written or (), start=1)}
    for value, (_, began) in register.attempts.items():
        if value in register.won:
            won, ended = register.won[value]
            yield Span(value, began, ended, won.version, True)
        elif value in versions:
            yield Span(value, began, _NEVER, versions[value], True)
    for read, began, ended in register.reads:
        yield Span(f"get at {read.version}", began, ended, read.version, False)


def _refusals(register: Register) -> Iterator[Span]:
    """Each refusal, as a read of a later version than the one expected."""
    for value, (attempt, ended) in register.refused.items():
        yield Span(value, ended, ended, attempt.expected + 1, False)


def _stale(spans: list[Span], refusals: list[Span]) -> list[str]:
    """Operations that return or make an older version than one that was there before they began."""
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


def _unfounded(register: Register, refused: CompareAndSet, ended: float) -> bool:
    """Whether no operation had begun to replace the expected version when it was refused."""
    return not any(
        span.writes and span.version == refused.expected + 1 and span.began < ended for span in _spans(register)
    )
