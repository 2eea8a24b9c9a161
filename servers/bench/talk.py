"""What is said to a subject: authentication, a subscription, what makes events, a question, a durable command.

The requests are the same for all; only how events are made differs: a service by commands of its own, a peer because
it is told to.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bodhisattva.servers.bench.wire import Line, Lost

WIRE = 447
"""Bytes of an event on the wire."""
CHANNEL = "state"
ASKED = "bench.asked"
VALUE = "x" * 100
_TOLD = "bench.told"


@dataclass
class Talk:
    """With one server. token: for a service, which wants one; a peer wants none and is told to make events."""

    token: str | None = None
    _ids: "count[int]" = field(default_factory=lambda: count(1))
    _made: int = 0
    _padding: int = 100

    def greet(self, lines: Sequence[Line]) -> None:
        """What comes before anything else on new connections."""
        for line in lines:
            line.upgraded()
        if self.token is not None:
            self.ask(lines, "auth", {"token": self.token})
            for line in lines:
                line.receive()  # the welcome

    def subscribe(self, lines: Sequence[Line]) -> None:
        self.ask(lines, "subscribe", {"channel": CHANNEL})

    def prepare(self, line: Line) -> None:
        """Have something there to be asked for."""
        if self.token is not None:
            self.ask([line], "set_state", {"state_path": ASKED, "value": VALUE})

    def ask(self, lines: Sequence[Line], event: str, data: dict[str, Any]) -> None:
        """All of them at once, so that nobody waits for a turn of the processor once for each."""
        for line in lines:
            line.send(self.request(event, data))
        for line in lines:
            answered(line, 1)

    def question(self) -> bytes:
        return self.request("get_state", {"state_path": ASKED})

    def command(self, who: int) -> bytes:
        return self.request("set_state", {"state_path": f"bench.by{who}", "value": VALUE})

    def emit(self, events: int) -> Sequence[bytes]:
        """Requests that make so many events, each of which is to be answered."""
        if self.token is None:
            return [self.request("emit", {"count": events})]
        return [self._command_of_size() for _ in range(events)]

    def fit(self, size: int) -> None:
        """The last event had this many bytes on the wire: make the next ones as large as they are to be."""
        self._padding += WIRE - size

    def request(self, event: str, data: dict[str, Any]) -> bytes:
        name = f"b{next(self._ids)}"
        message = {"type": "request", "id": name, "correlation_id": name, "event": event, "data": data}
        return json.dumps(message).encode()

    def _command_of_size(self) -> bytes:
        """Two numbers of the event grow with it, its offset and the version of what it sets."""
        self._made += 1
        value = "x" * (self._padding - 2 * len(str(self._made)))
        return self.request("set_state", {"state_path": _TOLD, "value": value})


def answered(line: Line, requests: int) -> None:
    """Take so many answers; Lost if one of them is none, or answers what another has answered."""
    seen = set()
    for _ in range(requests):
        answer = json.loads(line.receive())
        if answer["type"] != "response":
            raise Lost(f"a request was refused: {answer['error_code']} {answer['error_message']}")
        seen.add(answer["correlation_id"])
    if len(seen) != requests:
        raise Lost("a request was answered twice")


def in_order(events: Sequence[bytes]) -> None:
    """Lost unless the events are numbered by exactly one more each."""
    numbers = [_number(json.loads(event)) for event in events]
    if numbers and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise Lost("events are missing, doubled or out of order")


def _number(event: dict[str, Any]) -> int:
    """A service's offset stands in the envelope; a peer's, of which not all have an envelope, in the data."""
    return int(event["offset"] if "offset" in event else event["data"]["offset"])
