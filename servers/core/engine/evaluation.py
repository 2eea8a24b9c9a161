"""What a command comes to on a state: its decision, with each event as the log will give it back."""

from typing import Any

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.domain import Decision, Event, State
from bodhisattva.servers.core.engine.commands import Command, EncodedEvent, Evaluated
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.errors import ServiceError
from bodhisattva.servers.core.service import Service


def evaluate(service: Service, command: Command, state: State) -> Evaluated:
    """A ServiceError is the command's outcome; whatever else is raised means that it cannot be handled."""
    try:
        decision = command.decide(state)
        return Evaluated(decision, Outcome.of(decision.answer), [_encode(service, event) for event in decision.events])
    except ServiceError as refusal:
        return Evaluated(Decision({}), Outcome.refused(refusal), [])


def checked(decided: Any) -> Decision:
    """TypeError if a command's function returned anything but a Decision."""
    if not isinstance(decided, Decision):
        raise TypeError(f"a command decided {type(decided).__name__}, not a Decision")
    return decided


def _encode(service: Service, event: Event) -> EncodedEvent:
    """The event with its data decoded again, so that live and replayed states are the same."""
    channels = tuple(dict.fromkeys(channel for channel in event.channels if channel != GLOBAL))
    for channel in channels:
        if not service.channel_kind(channel).persisted:
            raise ValueError(f"{event.name} is to be recorded on the ephemeral channel {channel}")
    data = msgspec.json.encode(event.data)
    return EncodedEvent(Event(event.name, channels, msgspec.json.decode(data)), msgspec.Raw(data))
