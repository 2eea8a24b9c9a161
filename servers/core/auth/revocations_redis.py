"""Revocations in Redis, which all replicas of all services of a fleet know within about a second.

An entry stays until its token or certificate cannot be valid any more. A replica remembers what it has read: if Redis
goes away, that stays in force; if Redis comes back without it, it is written again.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from redis.exceptions import RedisError

from bodhisattva.servers.core.auth.revocations import CERTIFICATE
from bodhisattva.servers.core.config import Config, ConfigError, without_password
from bodhisattva.servers.core.log.redis_connection import connect, disconnect

_INTERVAL = 1.0
_FAILURES = (RedisError, OSError, TimeoutError)

_LONGEST_STEP = 2**31  # of a version, by chance: a Redis that lost its tail must not come to the same one again

# KEYS: revoked (sorted set: name by its end), version. ARGV: now, step, then end and name of each.
_REVOKE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
for number = 3, #ARGV, 2 do redis.call('ZADD', KEYS[1], 'GT', ARGV[number], ARGV[number + 1]) end
return redis.call('INCRBY', KEYS[2], ARGV[2])
"""


class RedisRevocations:
    """See `revocations.SharedRevocations` and `revocations.RevocationStore`."""

    def __init__(self, config: Config) -> None:
        base = f"{{{config.log.prefix}}}:"
        self._keys = [f"{base}revoked", f"{base}revoked-version"]
        self._where = without_password(config.log.url or "")
        self._longest = config.tokens.max_lifetime + config.tokens.leeway
        self._known: Mapping[str, float] = {}
        self._version: Any = None
        self._store = connect(config.log, config.log.timeout)
        self._revoke = self._store.register_script(_REVOKE)
        self._logger = structlog.get_logger()

    def __contains__(self, name: object) -> bool:
        return name in self._known

    async def revoke(self, names: Sequence[str], until: float | None) -> None:
        if until is None and any(name.startswith(CERTIFICATE) for name in names):
            raise ConfigError("a certificate may outlive every token; give its end with --until")
        end = time.time() + self._longest if until is None else until
        try:
            await self._write(dict.fromkeys(names, end))
        except _FAILURES as error:
            reason = type(error).__name__
            raise ConfigError(
                f"the Redis at {self._where} cannot be used ({reason}); nothing was revoked there"
            ) from None

    async def start(self) -> None:
        try:
            await self._read()
        except _FAILURES as error:
            reason = type(error).__name__
            raise ConfigError(f"revocations in the Redis at {self._where} cannot be read ({reason})") from None

    async def follow(self) -> None:
        reachable = True
        while True:
            await asyncio.sleep(_INTERVAL)
            try:
                await self._read()
            except _FAILURES as error:
                if reachable:
                    self._logger.warning("revocations cannot be read; known ones stay", reason=type(error).__name__)
                reachable = False
            else:
                reachable = True

    async def close(self) -> None:
        await disconnect(self._store)

    async def _read(self) -> None:
        """Read what is there if it changed; a known name that is not there was lost, and is written again."""
        now = time.time()
        version = await self._store.get(self._keys[1])
        if version is not None and version == self._version:
            if any(end <= now for end in self._known.values()):
                self._known = {name: end for name, end in self._known.items() if end > now}
            return
        found: Any = await self._store.zrangebyscore(self._keys[0], now, "+inf", withscores=True)
        read: dict[str, float] = {name.decode(): end for name, end in found}
        lost = {name: end for name, end in self._known.items() if end > now and name not in read}
        self._known = read | lost
        if lost:
            await self._write(lost)
        self._version = version

    async def _write(self, ends: Mapping[str, float]) -> None:
        pairs = [part for name, end in ends.items() for part in (end, name)]
        await self._revoke(keys=self._keys, args=[time.time(), 1 + secrets.randbelow(_LONGEST_STEP), *pairs])
