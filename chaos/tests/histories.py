"""Histories written by hand, one short line per operation."""

from typing import Any

from bodhisattva.chaos.history import NEMESIS, RUN, History, Operation, Type
from bodhisattva.chaos.operations import (
    CATCH_UP,
    COMMAND,
    DELIVER,
    FINAL_REGISTER,
    GET,
    PHASE,
    READ,
    SET,
    START,
    SUBSCRIBE,
)

SERVICE = "mahavishnu"
CHANNEL = "workflow:w1"
EPOCH = "e1"

_place = {"service": SERVICE, "channel": CHANNEL}


def history(*operations: Operation) -> History:
    """The operations, a tenth of a second apart."""
    return History.of(Operation(number / 10, o.process, o.type, o.f, o.value) for number, o in enumerate(operations))


def subscribed(process: str = "s1", offset: int = 0, *, recovered: bool = True, epoch: str = EPOCH) -> Operation:
    value = {**_place, "epoch": epoch, "offset": offset, "recovered": recovered}
    return Operation(0, process, "ok", SUBSCRIBE, value)


def delivered(offset: int, id: str | None = None, process: str = "s1", epoch: str = EPOCH) -> Operation:  # noqa: A002
    value = {**_place, "epoch": epoch, "offset": offset, "id": id or f"event-{offset}"}
    return Operation(0, process, "ok", DELIVER, value)


def not_caught_up(offset: int, *, connected: bool, process: str = "s1") -> Operation:
    return Operation(0, process, "info", CATCH_UP, {**_place, "connected": connected, "offset": offset})


def log(*ids: str, epoch: str = EPOCH) -> Operation:
    """The channel's log as read back at the end; the first event has offset 1."""
    events = [{"offset": offset, "id": name} for offset, name in enumerate(ids, start=1)]
    value = {**_place, "epoch": epoch, "offset": len(ids), "events": events}
    return Operation(0, "reader", "ok", READ, value)


def numbered_log(count: int) -> Operation:
    return log(*(f"event-{offset}" for offset in range(1, count + 1)))


def command(type: Type, id: str, attempts: int = 1, events: tuple[str, ...] = ()) -> Operation:  # noqa: A002
    """A command that records one event of its own name, by default."""
    value = {**_place, "id": id, "events": events or (id,), "attempts": attempts}
    return Operation(0, "c1", type, COMMAND, value)


def setting(type: Type, value: str, expected: int, version: int = 0) -> Operation:  # noqa: A002
    """A compare-and-set of the one path; process does it stands before the value's slash."""
    about = {"service": SERVICE, "path": "p", "value": value, "expected": expected, "version": version}
    return Operation(0, value.partition("/")[0], type, SET, about)


def won(value: str, version: int) -> tuple[Operation, Operation]:
    """A compare-and-set that nothing else came between."""
    return setting("invoke", value, version - 1), setting("ok", value, version - 1, version)


def got(version: int, value: str = "", process: str = "looker") -> tuple[Operation, Operation]:
    about = {"service": SERVICE, "path": "p"}
    shown = {**about, "version": version, "value": value}
    return Operation(0, process, "invoke", GET, about), Operation(0, process, "ok", GET, shown)


def written(*values: str) -> Operation:
    return Operation(0, "reader", "ok", FINAL_REGISTER, {"service": SERVICE, "path": "p", "values": values})


def started(*checkers: str, faults: tuple[str, ...] = ()) -> Operation:
    schedule = [{"at": 1.0, "until": 2.0, "fault": fault, "target": SERVICE, "parameters": {}} for fault in faults]
    value = {
        "experiment": "by-hand",
        "seed": 1,
        "stack": "process",
        "checkers": checkers,
        "schedule": schedule,
        "started": "2026-01-01T00:00:00+00:00",
        "command": "none",
    }
    return Operation(0, RUN, "info", START, value)


def fault(phase: str, step: int = 0, name: str = "kill", **value: Any) -> Operation:
    return Operation(0, NEMESIS, "info", name, {"phase": phase, "step": step, "target": SERVICE, **value})


def phase(name: str, state: str, reason: str = "") -> Operation:
    return Operation(0, RUN, "info", PHASE, {"name": name, "state": state, "reason": reason})
