"""A chaos history as the reports see it: JSON lines of operations, and the faults among them."""

from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

import msgspec

from bodhisattva.reports.errors import ReportError

NEMESIS = "nemesis"
DELIVER = "deliver"
GAUGES = "gauges"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One line. time: seconds since the run began. A process invokes f, then learns ok, fail or info."""

    time: float
    process: str | int
    type: Literal["invoke", "ok", "fail", "info"]
    f: str
    value: Any = None


class Completed(msgspec.Struct, frozen=True):
    """An operation with its end; times in seconds. certain: whether its end was `ok`."""

    end: float
    latency: float
    certain: bool


class Fault(msgspec.Struct, frozen=True):
    """One fault from its injection to its heal; healed is false where the history ends before."""

    name: str
    target: str
    start: float
    end: float
    healed: bool


def read(file: Path) -> list[Operation]:
    """The operations of a history, a line cut short at its very end left out. Raises ReportError."""
    try:
        lines = file.read_bytes().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        return [msgspec.json.decode(line, type=Operation) for line in lines]
    except OSError as error:
        raise ReportError(f"no history at {file}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{file} is not a history: {error}") from error


def deliveries(history: list[Operation]) -> list[float]:
    """When events reached subscribers."""
    return [operation.time for operation in history if operation.f == DELIVER and operation.type == "ok"]


def gauges(history: list[Operation]) -> list[tuple[float, dict[str, float]]]:
    """When a service's gauges were sampled, and their values by metric, counts and bytes."""
    return [
        (operation.time, operation.value["values"])
        for operation in history
        if operation.f == GAUGES and operation.type == "info" and isinstance(operation.value, dict)
    ]


def completed(history: list[Operation]) -> list[Completed]:
    """The operations that were invoked and came to an end, in the order of their ends."""
    open_since: defaultdict[tuple[Any, ...], list[float]] = defaultdict(list)
    done: list[Completed] = []
    for operation in history:
        if operation.process == NEMESIS:
            continue
        key = (operation.process, operation.f, _field(operation.value, "id"))
        if operation.type == "invoke":
            open_since[key].append(operation.time)
        elif open_since[key]:
            start = open_since[key].pop(0)
            done.append(Completed(operation.time, operation.time - start, operation.type == "ok"))
    return done


def faults(history: list[Operation]) -> list[Fault]:
    """The faults in the order of their injection."""
    end = max((operation.time for operation in history), default=0.0)
    active: dict[tuple[str, str, str], float] = {}
    found: list[Fault] = []
    for operation in history:
        if operation.process != NEMESIS:
            continue
        key = (operation.f, _field(operation.value, "target"), _field(operation.value, "step"))
        phase = _field(operation.value, "phase")
        if phase == "inject":
            active.setdefault(key, operation.time)
        elif phase == "heal" and key in active:
            found.append(Fault(operation.f, key[1], active.pop(key), operation.time, healed=True))
    found += [Fault(name, target, start, end, healed=False) for (name, target, _), start in active.items()]
    return sorted(found, key=lambda fault: (fault.start, fault.name, fault.target))


def _field(value: Any, name: str) -> str:
    return str(value.get(name, "")) if isinstance(value, dict) else ""
