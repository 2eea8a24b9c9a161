"""Makes settings of a configuration, at start and at each reload."""

import ssl
from collections.abc import Callable, Container
from pathlib import Path

import msgspec

from bodhisattva.servers.core import http, restart
from bodhisattva.servers.core.auth import client_certificates, peer_trust, verification
from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.connections import proxies
from bodhisattva.servers.core.file_limit import FileLimit
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.core.settings import Settings
from bodhisattva.servers.core.transport import tls


class SettingsLoader:
    """Reads everything that settings are made of; ConfigError names the setting or file that cannot be used.

    read: gives the configuration. revoked: the names that were revoked at any replica.
    """

    def __init__(
        self, service: Service, read: Callable[[], Config], descriptors: FileLimit, revoked: Container[str | None]
    ) -> None:
        self.read = read
        self._service = service
        self._descriptors = descriptors
        self._revoked = revoked

    def make(self, configured: Config, running: Config | None = None) -> Settings:
        """running: the configuration in force, whose settings that need a restart stay; None at the start."""
        limits = self._descriptors.fit(self._service.name, configured.limits)
        fitted = msgspec.structs.replace(configured, limits=limits)
        config = fitted if running is None else restart.carry_over(running, fitted)
        return Settings(
            config,
            requested=configured.limits,
            tls_context=check(fitted),
            verifier=verification.verifier(fitted, self._revoked),
            trusted_proxies=proxies.trusted(fitted.trusted_proxies),
            features=http.features(self._service, config),
        )


def check(config: Config) -> ssl.SSLContext | None:
    """The TLS context of a configuration whose certificates can all be used."""
    for peer in config.peers.values():
        peer_trust.context(peer)
    client_certificates.check(config.tls, config.auth)
    return tls.server_context(config.tls)


def files(config: Config) -> list[Path]:
    """The files that a configuration names and a reload reads again."""
    certificates = (config.tls.certificate, config.tls.key, config.tls.client_ca)
    named = [*(name for name in certificates if name is not None), *verification.files(config.tokens)]
    return [Path(name) for name in (*named, *peer_trust.files(config.peers))]
