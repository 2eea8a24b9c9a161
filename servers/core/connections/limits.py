"""Counting what the protocol bounds (section 4): message rates and connections."""

from collections import Counter
from collections.abc import Callable

from bodhisattva.servers.core.config import Limits


class TokenBucket:
    """Holds at most `burst` tokens, of which `rate` a second come; times are of one monotonic clock, in seconds."""

    __slots__ = ("_at", "_level")

    def __init__(self, burst: float, now: float) -> None:
        self._level = burst
        self._at = now

    def take(self, now: float, rate: float, burst: float) -> float:
        """0 if a token was there, or else the seconds until one is."""
        self._level = min(burst, self._level + (now - self._at) * rate)
        self._at = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / rate


class ConnectionCounts:
    """How many connections there are in all, per address and per user; unauthenticated ones count too."""

    def __init__(self, limits: Callable[[], Limits]) -> None:
        self.limits = limits
        self.total = 0
        self._addresses: Counter[str] = Counter()
        self._users: Counter[str] = Counter()

    async def start(self) -> None:
        """Join the other replicas; nothing for a service that has none."""

    async def run(self) -> None:
        """Publish changes to the other replicas until cancelled."""

    async def close(self) -> None:
        """Leave the other replicas."""

    @property
    def users(self) -> int:
        """How many users have a connection."""
        return len(self._users)

    def add(self, address: str) -> bool:
        """Count a connection from `address`; False, and nothing is counted, when it is one too many."""
        if self.total >= self.limits().connections:
            return False
        if self._addresses[address] >= self.limits().connections_per_address:
            return False
        self.total += 1
        self._addresses[address] += 1
        return True

    def add_user(self, user_id: str) -> bool:
        if self._users[user_id] >= self.limits().connections_per_user:
            return False
        self._users[user_id] += 1
        return True

    def remove(self, address: str) -> None:
        self.total -= 1
        _decrement(self._addresses, address)

    def remove_user(self, user_id: str) -> None:
        """Forget one of the user's connections; nothing for "", a connection that never authenticated."""
        if user_id in self._users:
            _decrement(self._users, user_id)


def _decrement(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]


class RateGuard:
    """A message rate: messages over it are dropped, and a client that keeps on for `patience` seconds is closed."""

    __slots__ = ("_bucket", "_over_last", "_over_since")
    _CALM = 1.0

    def __init__(self, limits: Limits, now: float) -> None:
        self._bucket = TokenBucket(limits.burst, now)
        self._over_since: float | None = None
        self._over_last = now

    def take(self, now: float, limits: Limits) -> float:
        """0 if the message is within the rate, or else the seconds after which one would be."""
        retry_after = self._bucket.take(now, limits.messages_per_second, limits.burst)
        if retry_after:
            if self._over_since is None or now - self._over_last > self._CALM:
                self._over_since = now
            self._over_last = now
        return retry_after

    def exhausted(self, now: float, limits: Limits) -> bool:
        """Whether messages over the rate have kept coming, never a calm second apart, for too long."""
        return self._over_since is not None and now - self._over_since >= limits.rate_patience
