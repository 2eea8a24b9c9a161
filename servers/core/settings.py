"""The settings in force: one immutable value, which a reload replaces whole."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from bodhisattva.servers.core.auth.tokens import Verifier
from bodhisattva.servers.core.config import Config, Limits


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration, and what was made of it and of the files that it names.

    requested: the limits as configured; those of `config` are what the open files of the process allow.
    tls_context: None without TLS. verifier: None without authentication. trusted_proxies: their networks.
    features: what the service claims (protocol 6).
    """

    config: Config
    requested: Limits
    tls_context: ssl.SSLContext | None
    verifier: Verifier | None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    features: tuple[str, ...]

    @property
    def lowered(self) -> dict[str, int]:
        """The limits on sockets in force, by name, if they are lower than configured."""
        limits, requested = self.config.limits, self.requested
        if (limits.connections, limits.pending_connections) == (requested.connections, requested.pending_connections):
            return {}
        return {"connections": limits.connections, "pending_connections": limits.pending_connections}


class CurrentSettings:
    """The one place where the settings in force are read; `value` is always a whole."""

    def __init__(self, settings: Settings) -> None:
        self.value = settings
        self._listeners: list[Callable[[], None]] = []

    @property
    def config(self) -> Config:
        return self.value.config

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each replacement."""
        self._listeners.append(listener)

    def replace(self, settings: Settings) -> None:
        self.value = settings
        for listener in self._listeners:
            listener()
