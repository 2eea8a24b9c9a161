"""Generators of commands: they make a service record events, and identify these events in its log.

Both generators read the suite's samples, so an experiment may name any service that has one.
"""

import json
import re
from abc import ABC, abstractmethod
from typing import Any

from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.request_samples import Call, RequestSamples


class CommandGenerator(ABC):
    """Commands for one service, and the channel of their events.

    setup: what must be done once before the first command.
    """

    def __init__(self, sample: RequestSamples, channel: str, setup: tuple[Call, ...] = ()) -> None:
        self.service = sample.service
        self.channel = channel
        self.setup = setup
        self.read_permissions = (f"{sample.service}:read",)
        self.write_permissions = (f"{sample.service}:write",)

    @abstractmethod
    def command(self, number: str) -> Call:
        """The command called `number`."""

    @abstractmethod
    def events(self, number: str) -> tuple[str, ...]:
        """The ids of all events that this command records on the channel."""

    @abstractmethod
    def identify(self, event: dict[str, Any]) -> str:
        """The id, `name/number`, of an event as it came off the wire or out of the history."""


class IndependentCommands(CommandGenerator):
    """Commands that any number of clients may send in any order; their events are on the service's `global` channel."""

    def __init__(self, service: str, run: str) -> None:
        self._sample = RequestSamples.of(service, run)
        self._number = re.compile(re.escape(self._sample.key("")) + r"([\w-]+)")
        super().__init__(self._sample, "global")

    def command(self, number: str) -> Call:
        return self._sample.command(number)

    def events(self, number: str) -> tuple[str, ...]:
        return tuple(f"{name}/{number}" for name in self._sample.records)

    def identify(self, event: dict[str, Any]) -> str:
        found = self._number.search(json.dumps(event["data"]))
        return f"{event['event']}/{found.group(1)}" if found else _foreign(event)


class OrderedCommands(CommandGenerator):
    """Commands that one client sends in the order of their numbers; their events are on a channel of their own."""

    LONGEST = 2000

    def __init__(self, service: str, run: str) -> None:
        sample = RequestSamples.of(service, run)
        self._series = sample.sequence(count=self.LONGEST)
        super().__init__(sample, self._series.channel, self._series.setup)

    def command(self, number: str) -> Call:
        return self._series.calls[int(number)]

    def events(self, number: str) -> tuple[str, ...]:
        return (f"{self._series.event}/{number}",)

    def identify(self, event: dict[str, Any]) -> str:
        if event["event"] != self._series.event:
            return _foreign(event)
        return f"{event['event']}/{self._series.number(Envelope(event, '', 0.0))}"


def _foreign(event: dict[str, Any]) -> str:
    """The id of an event that none of the commands made: of the setup, or of another workload."""
    return f"other {event['event']}/{event['id']}"
