"""When to ping a peer and when to call it gone (protocol 4): anything heard of it proves that it lives.

So does that it takes what was sent before the ping, which it cannot answer before.
"""

from enum import Enum

from bodhisattva.servers.core.config import Timeouts


class Beat(Enum):
    """What a tick asks for."""

    NONE = "none"
    PING = "ping"
    GONE = "gone"


class Heartbeat:
    """Times are of one monotonic clock, in seconds."""

    __slots__ = ("_next_ping", "_waiting_since")

    def __init__(self, timeouts: Timeouts, now: float) -> None:
        self._next_ping = now + timeouts.ping_interval
        self._waiting_since: float | None = None

    def heard(self) -> None:
        self._waiting_since = None

    def delayed(self, now: float) -> None:
        """The ping is still on its way, and the way is being made: the time for the answer begins anew."""
        if self._waiting_since is not None:
            self._waiting_since = now

    def due(self, timeouts: Timeouts) -> float:
        """When the next tick asks for something, if nothing is heard until then."""
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
