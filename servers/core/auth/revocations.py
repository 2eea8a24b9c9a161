"""What was revoked before its end (protocol 2): names of tokens (`jti`) and certificates, in a file and by replicas.

`revocation_stores` chooses where a service of a configuration looks for them.
"""

import time
from collections.abc import Collection, Container, Sequence
from pathlib import Path
from typing import Protocol

from bodhisattva.servers.core.config import ConfigError, Tokens

CERTIFICATE = "certificate:"  # then its serial number, in place of a token's `jti`


class RevocationStore(Protocol):
    """Where a revocation is written down."""

    async def revoke(self, names: Sequence[str], until: float | None) -> None:
        """Revoke until a time (seconds since 1970), or until no token can live any more; Refused if that fails."""

    async def close(self) -> None: ...


class SharedRevocations(Container[str | None], Protocol):
    """What the replicas of a service know in common; `in` never waits."""

    async def start(self) -> None:
        """Read what is there; ConfigError if it cannot be read, since then nobody may be let in."""

    async def follow(self) -> None:
        """Read what is new, until cancelled; what is known stays in force while nothing can be read."""

    async def close(self) -> None: ...


class NoSharedRevocations:
    """Of a service without replicas: it has its file alone."""

    def __contains__(self, _name: object) -> bool:
        return False

    async def start(self) -> None:
        """Nothing is to be read."""

    async def follow(self) -> None:
        """Nothing new comes."""

    async def close(self) -> None:
        """Nothing is held."""


class Revoked:
    """All that holds for a service: the names of its file, and those that its replicas know."""

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


def read_file(tokens: Tokens) -> set[str]:
    """The names of the configured file, none without one."""
    return RevokedFile(Path(tokens.revoked_file)).read() if tokens.revoked_file is not None else set()
