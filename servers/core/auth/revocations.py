"""What was taken back before its end (protocol 2): names of tokens (`jti`) and certificates, in a file or in Redis."""

import time
from collections.abc import Collection, Container, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bodhisattva.servers.core.config import Config, ConfigError, Tokens
from bodhisattva.servers.core.log.sharing import in_redis

if TYPE_CHECKING:
    from bodhisattva.servers.core.auth.revocations_redis import RedisRevocations

CERTIFICATE = "certificate:"  # then its serial number, in place of a token's `jti`


class Keeper(Protocol):
    """Where somebody who revokes writes it down."""

    async def revoke(self, names: Sequence[str], until: float | None) -> None:
        """Take back until a time (since 1970), or until no token can live any more; Refused if it is not done then."""

    async def close(self) -> None: ...


class Shared(Container[str | None], Protocol):
    """What the replicas of a service know in common; asking for a name waits for nobody."""

    async def start(self) -> None:
        """Learn what is there; ConfigError if it cannot be learned, since then nobody may be let in."""

    async def follow(self) -> None:
        """Learn of what is new, for ever; what is known stays in force while nothing can be learned."""

    async def close(self) -> None: ...


class Unshared:
    """Of a service without replicas: nothing besides its file."""

    def __contains__(self, _name: object) -> bool:
        return False

    async def start(self) -> None:
        """There is nothing to learn."""

    async def follow(self) -> None:
        """Nor anything new."""

    async def close(self) -> None:
        """Nor anything to let go of."""


class Either:
    """What stands in a service's file, or is known to all replicas."""

    def __init__(self, own: Collection[str], shared: Container[str | None]) -> None:
        self._own = frozenset(own)
        self._shared = shared

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._own or name in self._shared)


class RevokedFile:
    """One name a line; what follows a # does not count. A service reads it again when it changes."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> set[str]:
        try:
            text = self._file.read_text(encoding="utf-8")
        except OSError as error:
            problem = f"{error.strerror}; give a file that this user can read, be it empty"
            raise ConfigError(f"tokens.revoked_file {self._file}: {problem}") from None
        except ValueError:
            raise ConfigError(f"tokens.revoked_file {self._file} is not text") from None
        return {name for line in text.splitlines() if (name := line.partition("#")[0].strip())}

    async def revoke(self, names: Sequence[str], until: float | None) -> None:
        """Add lines. A file does not forget, so `until` is for its reader, who may take the line out then."""
        note = "" if until is None else time.strftime("  # until %Y-%m-%dT%H:%M:%SZ", time.gmtime(until))
        try:
            with self._file.open("a+", encoding="utf-8") as file:
                file.seek(0)
                unended = file.read()[-1:] not in ("", "\n")
                file.write(("\n" if unended else "") + "".join(f"{name}{note}\n" for name in names))
        except OSError as error:
            raise ConfigError(
                f"tokens.revoked_file {self._file}: {error.strerror}; nothing was revoked there"
            ) from None

    async def close(self) -> None:
        """Nothing is held."""


def in_file(tokens: Tokens) -> set[str]:
    return RevokedFile(Path(tokens.revoked_file)).read() if tokens.revoked_file is not None else set()


def shared(config: Config) -> Shared:
    """What a service's replicas know in common, where they share a log in Redis."""
    if config.log.kind != "redis" or config.auth != "required":
        return Unshared()
    return _in_redis(config)


def keepers(configs: Iterable[Config]) -> list[Keeper]:
    """Where services of these configurations look for revocations, each place once: Redis where the log is, or a file.

    Services that share a Redis may still differ in how long a token of theirs can live; each such end is written.
    """
    found: dict[tuple[Any, ...], Keeper] = {}
    for config in configs:
        if config.log.kind == "redis":
            key = (config.log.url, config.log.prefix, config.tokens.max_lifetime, config.tokens.leeway)
            found[key] = found.get(key) or _in_redis(config)
        elif config.tokens.revoked_file is not None:
            found[(config.tokens.revoked_file,)] = RevokedFile(Path(config.tokens.revoked_file))
    return list(found.values())


def kept(config: Config) -> bool:
    """Whether a service of this configuration looks anywhere for revocations."""
    return config.log.kind == "redis" or config.tokens.revoked_file is not None


def _in_redis(config: Config) -> "RedisRevocations":
    with in_redis(config.log):
        from bodhisattva.servers.core.auth.revocations_redis import RedisRevocations
    return RedisRevocations(config)
