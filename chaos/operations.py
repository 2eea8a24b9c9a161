"""The operations of a history: the type of the value for each function `f`.

An event's `id` is `name/number`: what happened, and by which command, whatever offset the log gave it.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeVar

import msgspec

from bodhisattva.chaos.history import NEMESIS, History, HistoryError, Operation, Type
from bodhisattva.chaos.schedule import Step
from bodhisattva.fixtures.stack.kinds import EMBEDDED

SUBSCRIBE = "subscribe"
DELIVER = "deliver"
CATCH_UP = "catch-up"
COMMAND = "command"
READ = "read"
START = "start"
PHASE = "phase"
OPEN_PHASE = "open"
FAULTS_PHASE = "faults"
CONNECTION = "connection"
SET = "set"
GET = "get"
FINAL_REGISTER = "written"
CHURN = "churn"
GAUGES = "gauges"

BASELINE, WARM_UP, FIRST_IDLE, SOAK, SECOND_IDLE = "baseline", "warm-up", "first idle", "soak", "second idle"
"""The stages of the connection churn."""


class Start(msgspec.Struct, frozen=True):
    """`start` info, the first operation of a run: all that is needed to judge it, and to run it again.

    started: ISO 8601, UTC. command: the command line that repeats the run. expects_faults: a schedule is due.
    """

    experiment: str
    seed: int
    stack: str
    checkers: tuple[str, ...]
    schedule: tuple[Step, ...]
    started: str
    command: str
    log: str = EMBEDDED
    expects_faults: bool = True


class Phase(msgspec.Struct, frozen=True):
    """`phase` info: a step of the run began, ended, or failed for a reason."""

    name: str
    state: Literal["began", "ended", "failed"]
    reason: str = ""


class Subscription(msgspec.Struct, frozen=True):
    """`subscribe` ok: the server's answer. recovered: whether all since the last position will follow."""

    service: str
    channel: str
    epoch: str
    offset: int
    recovered: bool


class Delivery(msgspec.Struct, frozen=True):
    """`deliver` ok: one event as a subscriber received it."""

    service: str
    channel: str
    epoch: str
    offset: int
    id: str


class CatchUp(msgspec.Struct, frozen=True):
    """`catch-up` ok or info: whether the subscriber reached the end of the log after all faults were healed.

    connected: whether it was connected at the end of the wait.
    """

    service: str
    channel: str
    connected: bool
    offset: int


class Command(msgspec.Struct, frozen=True):
    """`command` in any type: one command, however often it was sent. reason: why it failed or is unknown.

    id: names the command within the run. events: the ids of all events that it records on the channel.
    """

    service: str
    channel: str
    id: str
    events: tuple[str, ...]
    attempts: int = 0
    reason: str = ""


class CompareAndSet(msgspec.Struct, frozen=True):
    """`set` in any type: one compare-and-set of a path, however often it was sent.

    expected: the version to be replaced. version: of the new value, by the response.
    """

    service: str
    path: str
    value: str
    expected: int
    version: int = 0


class RegisterRead(msgspec.Struct, frozen=True):
    """`get` invoke or ok: a read of a path; its version, 0 where there is nothing yet, and its value."""

    service: str
    path: str
    version: int = 0
    value: str = ""


class FinalRegister(msgspec.Struct, frozen=True):
    """`written` ok: the values of a path in the service's log at the end, the first of version 1."""

    service: str
    path: str
    values: tuple[str, ...]


class Churn(msgspec.Struct, frozen=True):
    """`churn` in any type: one connection from its opening to its end. reason: why it ended otherwise, for `info`."""

    service: str
    ending: str
    reason: str = ""


class Gauges(msgspec.Struct, frozen=True):
    """`gauges`: the service's gauges by metric, counts and bytes. `info`: a sample; `ok`: the last of an idle stage.

    `fail`: they could not be read. stage: of the connection churn.
    """

    service: str
    stage: str
    values: dict[str, float] = {}
    error: str = ""


class LogEntry(msgspec.Struct, frozen=True):
    """One event of a log."""

    offset: int
    id: str


class FinalRead(msgspec.Struct, frozen=True):
    """`read` ok: a channel's whole log, read from the server at the end."""

    service: str
    channel: str
    epoch: str
    offset: int
    events: tuple[LogEntry, ...]


class Injection(msgspec.Struct, frozen=True):
    """By the nemesis, with the fault's name as function: one phase of a step. measured: see `Evidence`."""

    phase: Literal["inject", "evidence", "heal", "trouble"]
    step: int
    bit: bool = False
    measured: dict[str, Any] = {}
    error: str = ""


class Connection(msgspec.Struct, frozen=True):
    """`connection` info: a client lost or regained its connection."""

    service: str
    up: bool
    reason: str = ""


Value = TypeVar("Value")


def values(
    history: History,
    f: str,
    type: Type | None,  # noqa: A002
    of: type[Value],
) -> Iterator[tuple[Operation, Value]]:
    """Each operation of function `f` and of that type (None: any), its value as `of`; HistoryError if it is none."""
    return _valued(history.select(f=f, type=type), of)


def injections(history: History) -> Iterator[tuple[Operation, Injection]]:
    """What the nemesis did; HistoryError where that cannot be read."""
    return _valued((operation for operation in history if operation.process == NEMESIS), Injection)


def _valued(operations: Iterable[Operation], of: type[Value]) -> Iterator[tuple[Operation, Value]]:
    for operation in operations:
        try:
            yield operation, msgspec.convert(operation.value, of)
        except msgspec.ValidationError as error:
            raise HistoryError(f"the {operation.f} of {operation.process} at {operation.time} s: {error}") from None


ChannelKey = tuple[str, str]


def final_reads(history: History) -> dict[ChannelKey, FinalRead]:
    """The last read of each channel's log, by service and channel."""
    return {(log.service, log.channel): log for _, log in values(history, READ, "ok", FinalRead)}
