"""When to ping a peer and when to give it up (protocol 4): whatever it sends proves that it lives.

So does the acknowledgement of output before the ping, which it cannot answer before.
"""

from enum import Enum

from bodhisattva.servers.core.config import Timeouts


class Beat(Enum):
    """What is due at a tick."""

    NONE = "none"
    PING = "ping"
    GONE = "gone"


class Heartbeat:
    """Times are of one monotonic clock, in seconds."""

    __slots__ = ("_next_ping", "_waiting_since")

    def __init__(self, timeouts: Timeouts, now: float) -> None:
        self._next_ping = now + timeouts.ping_interval
        self._waiting_since: float | None = None

    def data_received(self) -> None:
        self._waiting_since = None

    def ping_delayed(self, now: float) -> None:
        """The ping still waits behind other output, and the peer reads on: the time for its answer begins anew."""
        if self._waiting_since is not None:
            self._waiting_since = now

    def due(self, timeouts: Timeouts) -> float:
        """When the next tick has something to do, if nothing arrives until then."""
        if self._waiting_since is None:
            return self._next_ping
        return min(self._next_ping, self._waiting_since + timeouts.ping_timeout)

    def tick(self, now: float, timeouts: Timeouts) -> Beat:
        if self._waiting_since is not None and now - self._waiting_since >= timeouts.ping_timeout:
            return Beat.GONE
        if now < self._next_ping:
            return Beat.NONE
        self._next_ping = now + timeouts.ping_interval
        if self._waiting_since is None:
            self._waiting_since = now
        return Beat.PING
