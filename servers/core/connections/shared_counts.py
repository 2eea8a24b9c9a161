"""Caps per user and per address that count the connections at all replicas of a service, through Redis.

A replica decides at once by what it counts itself. What changed goes to Redis behind that, many changes in one call
and only where a cap is below the replica's capacity: no connect and no message waits for Redis. A connection that is
one too many elsewhere is closed as soon as that is known.

What a replica holds is written as absolute numbers under a lease that it renews, so a call may be lost or repeated, and
nothing is left of a replica that died. Without Redis each replica counts for itself.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import structlog
from redis.exceptions import RedisError

from bodhisattva.servers.core.config import Limits, LogConfig
from bodhisattva.servers.core.connections.limits import ConnectionCounts
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log.redis_connection import connect, disconnect

_HEARTBEAT = 1.0
_LEASE_MS = 5000
_PAUSE = 0.5
_BATCH = 200
_NO_CAP = -1
_FAILURES = (RedisError, OSError, TimeoutError)

# KEYS: replicas (sorted set: replica by the end of its lease, ms). ARGV: replica, lease (ms), what the keys of holdings
# begin with, then for each subject: its name, how many are held, its cap or -1. The holdings of a replica are a hash
# under its own name, in the slot of KEYS[1]. Returns whether the lease had lapsed, and the subjects over their cap.
_HOLD = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('ZSCORE', KEYS[1], ARGV[1])
local lapsed = (not lease or tonumber(lease) <= now) and 1 or 0
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local replicas = redis.call('ZRANGE', KEYS[1], 0, -1)
local mine, over = ARGV[3] .. ARGV[1], {}
for number = 4, #ARGV, 3 do
    local subject, held, cap = ARGV[number], tonumber(ARGV[number + 1]), tonumber(ARGV[number + 2])
    local before, total = 0, 0
    for _, replica in ipairs(replicas) do
        local count = tonumber(redis.call('HGET', ARGV[3] .. replica, subject) or 0)
        if replica == ARGV[1] then before = count else total = total + count end
    end
    if held == 0 then
        redis.call('HDEL', mine, subject)
    elseif cap >= 0 and held > before and total + held > cap then
        over[#over + 1] = subject
    else
        redis.call('HSET', mine, subject, held)
    end
end
redis.call('PEXPIRE', mine, ARGV[2])
return {lapsed, over}
"""


class Subject(NamedTuple):
    """Whose connections are counted. kind: `user` or `address`."""

    kind: str
    name: str


class SharedCounts(ConnectionCounts):
    """Counts that other replicas know of.


    close_newest: closes the newest connection of a kind (`user` or `address`) and name.
    """

    def __init__(
        self, limits: Callable[[], Limits], log: LogConfig, service: str, close_newest: Callable[[str, str], None]
    ) -> None:
        super().__init__(limits)
        base = f"{{{log.prefix}:{service}}}:"
        self._replicas = f"{base}replicas"
        self._holdings = f"{base}holds:"
        self._me = fresh_id()
        self._close_newest = close_newest
        self._changed: set[Subject] = set()
        self._due = asyncio.Event()
        self._store = connect(log, log.timeout)
        self._hold = self._store.register_script(_HOLD)
        self._reachable = True
        self._logger = structlog.get_logger(service=service)

    def add(self, address: str) -> bool:
        return super().add(address) and self._note(Subject("address", address))

    def add_user(self, user_id: str) -> bool:
        return super().add_user(user_id) and self._note(Subject("user", user_id))

    def remove(self, address: str) -> None:
        super().remove(address)
        self._note(Subject("address", address))

    def remove_user(self, user_id: str) -> None:
        super().remove_user(user_id)
        if user_id:
            self._note(Subject("user", user_id))

    async def start(self) -> None:
        """Join the other replicas, if they can be reached, before the first connection comes."""
        with suppress(*_FAILURES):
            await self._publish()

    async def run(self) -> None:
        """Publish changes to the other replicas until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT):
                    await self._due.wait()
            self._due.clear()
            try:
                await self._publish()
            except _FAILURES as error:
                self._log_reachable(reachable=False, reason=type(error).__name__)
                await asyncio.sleep(_PAUSE)
            else:
                self._log_reachable(reachable=True, reason="")

    async def close(self) -> None:
        """Leave at once instead of when the lease ends."""
        if self._reachable:
            with suppress(*_FAILURES):
                await self._store.zrem(self._replicas, self._me)
        await disconnect(self._store)

    def _note(self, subject: Subject) -> bool:
        """Always True, so that it can stand behind what was counted."""
        if self._cap(subject.kind) != _NO_CAP:
            self._changed.add(subject)
            self._due.set()
        return True

    def _cap(self, kind: str) -> int:
        """_NO_CAP where the replica is full before the cap is reached: other replicas do not matter then."""
        cap = self.limits().connections_per_user if kind == "user" else self.limits().connections_per_address
        return cap if cap < self.limits().connections else _NO_CAP

    async def _publish(self) -> None:
        """Write what changed; all that is held if the lease lapsed, since the others forgot it.

        No connection that came while each replica counted for itself is closed.
        """
        batch = [self._changed.pop() for _ in range(min(_BATCH, len(self._changed)))]
        try:
            caps = [self._cap(subject.kind) if self._reachable else _NO_CAP for subject in batch]
            lapsed, over = await self._call(list(zip(batch, caps, strict=True)))
            if lapsed:
                _, over = await self._call([(subject, _NO_CAP) for subject in self._all()])
        except BaseException:
            self._changed.update(batch)
            raise
        if self._changed:
            self._due.set()
        for subject in batch:
            if _written(subject) in over:
                self._close_newest(*subject)

    async def _call(self, subjects: list[tuple[Subject, int]]) -> tuple[bool, set[bytes]]:
        arguments: list[str | int] = [self._me, _LEASE_MS, self._holdings]
        for subject, cap in subjects:
            arguments += [_written(subject).decode(), self._held(subject), cap]
        lapsed, over = await self._hold(keys=[self._replicas], args=arguments)
        return bool(lapsed), set(over)

    def _held(self, subject: Subject) -> int:
        counts: Counter[str] = self._users if subject.kind == "user" else self._addresses
        return counts.get(subject.name, 0)

    def _all(self) -> set[Subject]:
        users = {Subject("user", name) for name in self._users}
        subjects = users | {Subject("address", name) for name in self._addresses}
        return {subject for subject in subjects if self._cap(subject.kind) != _NO_CAP}

    def _log_reachable(self, *, reachable: bool, reason: str) -> None:
        if reachable is self._reachable:
            return
        self._reachable = reachable
        if reachable:
            self._logger.warning("connections are counted with the other replicas again")
        else:
            self._logger.warning("connections are counted at this replica only", reason=reason)


def _written(subject: Subject) -> bytes:
    return f"{subject.kind}:{subject.name}".encode()
