"""The steps of every command, whichever appender stores it: evaluate, prepare, then commit or refuse."""

import time
from typing import TYPE_CHECKING, Any

import msgspec

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.domain import Decision
from bodhisattva.servers.core.engine.commands import Command, EncodedEvent, Evaluated, PreparedAppend, Unappliable
from bodhisattva.servers.core.engine.deduplication import UNAVAILABLE, Outcome
from bodhisattva.servers.core.engine.evaluation import evaluate
from bodhisattva.servers.core.engine.projection import Projection
from bodhisattva.servers.core.log.base import Entry, StoredAnswer, StoredEvent

if TYPE_CHECKING:
    from bodhisattva.servers.core.telemetry.tracing import Span, Tracing


class CommandProcessor:
    """Evaluates commands on the projection's state, and settles each of them exactly once."""

    def __init__(self, projection: Projection, hub: Hub, logger: Any) -> None:
        self.projection = projection
        self.logger = logger
        self.tracing: Tracing | None = None
        self._hub = hub

    def evaluate(self, command: Command) -> Evaluated | None:
        """What the command comes to on the state as it is; None if it cannot be handled, which is logged."""
        try:
            return evaluate(self.projection.service, command, self.projection.state)
        except Exception:
            self.logger.exception("command failed", **command.log_fields)
            return None

    def prepare(self, command: Command, evaluated: Evaluated) -> PreparedAppend:
        """Apply the events to the state and number them; Unappliable leaves a state that has to be rebuilt."""
        decision, outcome, encoded = evaluated
        if evaluated.ephemeral:
            return PreparedAppend(command, decision, outcome, Entry())
        try:
            for event, _ in encoded:
                self.projection.state.apply(event)
        except Exception as error:
            self.logger.exception("an event could not be applied; rebuilding the state", **command.log_fields)
            raise Unappliable("an event could not be applied") from error
        events = tuple(self._number(each, command.trace) for each in encoded)
        stored = None
        if command.key is not None:
            stored = StoredAnswer(*command.key, time.time(), msgspec.json.encode(outcome))
        return PreparedAppend(command, decision, outcome, Entry(events, stored, *(command.advance or ())))

    def commit(self, prepared: PreparedAppend) -> None:
        """Publish what is durable now, then answer."""
        command, decision, outcome, entry = prepared
        self.projection.deliver(entry.events)
        self._deliver_ephemeral(decision, command.connection_id)
        if entry.position is not None:
            self.projection.positions[entry.position.source] = entry.position
        self.settle(command, outcome)

    def finish(self, prepared: PreparedAppend, durable: bool) -> None:
        """Commit, or answer UNAVAILABLE if the log did not take it."""
        if durable:
            self.commit(prepared)
        else:
            self.settle(prepared.command, UNAVAILABLE)

    def settle(self, command: Command, outcome: Outcome) -> None:
        """Answer a command, and every repetition of it that waits."""
        if command.key is not None:
            self.projection.answers.settle(command.key, outcome, time.time())
        command.answer(outcome)

    def present(self, channel: str) -> list[dict[str, Any]]:
        """The members of a channel that are connected here."""
        return self._hub.present(channel)

    def span(self, prepared: PreparedAppend) -> "Span | None":
        """The append as a part of the command's trace; None where no traces are kept."""
        if self.tracing is None:
            return None
        return self.tracing.append(len(prepared.entry.events), prepared.command.trace)

    def _number(self, encoded: EncodedEvent, trace: str | None) -> StoredEvent:
        event, data = encoded
        channels = tuple((channel, self.projection.reserve(channel)) for channel in event.channels)
        seq = self.projection.reserve(GLOBAL)
        return StoredEvent(seq, envelope.fresh_id(), event.name, envelope.timestamp(), channels, data, trace)

    def _deliver_ephemeral(self, decision: Decision, connection_id: str) -> None:
        """Nothing if the member's connection has ended: the hub has then delivered that it left."""
        if decision.membership and not self._hub.connected(connection_id):
            return
        for event in decision.ephemeral:
            self._hub.publish_ephemeral(event)
        for change in decision.membership:
            self._hub.change_membership(connection_id, change)
