"""A command on its way into the log: as it was submitted, evaluated, and prepared for the append."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from bodhisattva.servers.core.domain import Decision, Event, State
from bodhisattva.servers.core.engine.deduplication import Answer, Key, Outcome
from bodhisattva.servers.core.log.base import Entry, Position
from bodhisattva.servers.core.telemetry.logs import request_fields

Decide = Callable[[State], Decision]


class Advance(NamedTuple):
    """How far a bridge comes with an event, and from where it was read (see `Entry.basis`)."""

    position: Position
    basis: Position | None


class Command(NamedTuple):
    """A command to evaluate. trace: the W3C traceparent of the request, where traces are kept."""

    decide: Decide
    key: Key | None
    advance: Advance | None
    connection_id: str
    answer: Answer
    trace: str | None

    @property
    def log_fields(self) -> dict[str, str]:
        """What names this command in a log message."""
        return request_fields(self.connection_id, self.key and self.key[1])


class EncodedEvent(NamedTuple):
    """An event without its offsets, and its data as JSON."""

    event: Event
    data: msgspec.Raw


class Evaluated(NamedTuple):
    """The decision of a command on one state, before it has offsets."""

    decision: Decision
    outcome: Outcome
    events: list[EncodedEvent]

    @property
    def ephemeral(self) -> bool:
        """Whether it comes to ephemeral events or membership, and nothing that the log keeps."""
        return not self.events and bool(self.decision.ephemeral or self.decision.membership)


class PreparedAppend(NamedTuple):
    """An evaluated command, already applied to the state, with the entry that the log is to store."""

    command: Command
    decision: Decision
    outcome: Outcome
    entry: Entry


class Unappliable(Exception):
    """A decided event could not be applied, so the state is no longer what the log holds."""
