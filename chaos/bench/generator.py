"""The requests of the load: authentication, a subscription, what makes events, a query, a durable command.

They are the same for every subject but for what makes events: a service gets commands of its own, a baseline a
request for so many events.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bodhisattva.chaos.bench.connection import Connection, LoadError

EVENT_SIZE = 447
"""Bytes of an event on the wire, frame head included."""
CHANNEL = "state"
QUERIED_PATH = "bench.query"
VALUE = "x" * 100
_EVENT_PATH = "bench.event"


@dataclass
class RequestGenerator:
    """Requests for one server. token: for a service, which authenticates; a baseline does not."""

    token: str | None = None
    _ids: "count[int]" = field(default_factory=lambda: count(1))
    _events: int = 0
    _padding: int = 100

    def handshake(self, connections: Sequence[Connection]) -> None:
        """Finish the upgrade of new connections, and authenticate them where the server wants it."""
        for connection in connections:
            connection.upgraded()
        if self.token is not None:
            self.call(connections, "auth", {"token": self.token})
            for connection in connections:
                connection.receive()  # the welcome

    def subscribe(self, connections: Sequence[Connection]) -> None:
        self.call(connections, "subscribe", {"channel": CHANNEL})

    def prepare_query(self, connection: Connection) -> None:
        """Store the value that `query` reads."""
        if self.token is not None:
            self.call([connection], "set_state", {"state_path": QUERIED_PATH, "value": VALUE})

    def call(self, connections: Sequence[Connection], event: str, data: dict[str, Any]) -> None:
        """Send the request on each connection, then read all responses."""
        for connection in connections:
            connection.send(self.request(event, data))
        for connection in connections:
            read_responses(connection, 1)

    def query(self) -> bytes:
        return self.request("get_state", {"state_path": QUERIED_PATH})

    def command(self, client: int) -> bytes:
        return self.request("set_state", {"state_path": f"bench.by{client}", "value": VALUE})

    def emit(self, events: int) -> Sequence[bytes]:
        """Requests that make so many events; each has a response."""
        if self.token is None:
            return [self.request("emit", {"count": events})]
        return [self._padded_command() for _ in range(events)]

    def calibrate(self, size: int) -> None:
        """Pad the next events to EVENT_SIZE. size: bytes that the last one had on the wire."""
        self._padding += EVENT_SIZE - size

    def request(self, event: str, data: dict[str, Any]) -> bytes:
        name = f"b{next(self._ids)}"
        message = {"type": "request", "id": name, "correlation_id": name, "event": event, "data": data}
        return json.dumps(message).encode()

    def _padded_command(self) -> bytes:
        """The event's offset and the version of its path grow by a digit together with the count of events."""
        self._events += 1
        value = "x" * (self._padding - 2 * len(str(self._events)))
        return self.request("set_state", {"state_path": _EVENT_PATH, "value": value})


def read_responses(connection: Connection, requests: int) -> None:
    """Read so many responses. LoadError if one is an error, or if two correlate with one request."""
    correlated = set()
    for _ in range(requests):
        response = json.loads(connection.receive())
        if response["type"] != "response":
            raise LoadError(f"a request was refused: {response['error_code']} {response['error_message']}")
        correlated.add(response["correlation_id"])
    if len(correlated) != requests:
        raise LoadError("a request was answered twice")


def check_sequence(events: Sequence[bytes]) -> None:
    """LoadError unless each event's number is that of the one before it plus one."""
    numbers = [_number(json.loads(event)) for event in events]
    if numbers and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise LoadError("events are missing, doubled or out of order")


def _number(event: dict[str, Any]) -> int:
    """A service's offset is in the envelope; a baseline's is in the data."""
    return int(event["offset"] if "offset" in event else event["data"]["offset"])
