"""One service's life: start, serve, reload, drain, stop (protocol 7)."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from bodhisattva.servers.core import addresses, event_loop, http
from bodhisattva.servers.core.auth import revocation_stores
from bodhisattva.servers.core.bridges import bridge
from bodhisattva.servers.core.composition import Parts
from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.drain import drain
from bodhisattva.servers.core.engine import retention
from bodhisattva.servers.core.file_limit import FileLimit
from bodhisattva.servers.core.phase import Phase
from bodhisattva.servers.core.reload import Reloader
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.core.settings import CurrentSettings
from bodhisattva.servers.core.settings_loader import SettingsLoader
from bodhisattva.servers.core.supervisor import Supervisor
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.servers.core.transport.acceptor import Acceptor
from bodhisattva.servers.core.upgrades import UpgradeHandler

_SHUTDOWN_TIMEOUT = 0.1


class Server:
    """A service, its log and its socket. `load` reads the configuration, at start and at each reload.

    file: the configuration's; a change of it, or of a file that it names, is a reload. descriptors: of the process.
    """

    def __init__(
        self,
        service: Service,
        load: Callable[[], Config],
        file: Path | None = None,
        descriptors: FileLimit | None = None,
    ) -> None:
        configured = load()
        self.service = service = _with_peers(service, configured)
        self.metrics = Metrics(service.name, service.server)
        self.phase = Phase.SERVING
        self._logger = structlog.get_logger(service=service.name)
        self._revocations = revocation_stores.shared(configured)
        loader = SettingsLoader(service, load, descriptors or FileLimit(), self._revocations)
        self.settings = CurrentSettings(loader.make(configured))
        self._reloader = Reloader(loader, self.settings, file, self._logger)
        self.parts = Parts(service, self.settings, self.metrics)
        self._upgrades = UpgradeHandler(service.name, self.settings, self.parts, self.metrics, lambda: self.phase)
        self._supervisor = Supervisor(service.name)
        self._runner: web.AppRunner | None = None
        self._acceptor: Acceptor | None = None
        self._prepared = False
        self.metrics.gauge("websocket_ready", "1 while /ready answers 200.", lambda: self.not_ready() is None)
        self.metrics.gauge("websocket_users_current", "Users with a connection.", lambda: self.parts.counts.users)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.settings.config

    @property
    def port(self) -> int:
        """The port that is held, 0 before `prepare`."""
        return self._acceptor.port if self._acceptor is not None else 0

    @property
    def url(self) -> str:
        scheme = "wss" if self.settings.value.tls_context is not None else "ws"
        return f"{scheme}://{addresses.authority(addresses.reachable(self.config.host), self.port)}/ws"

    async def prepare(self) -> None:
        """Take the port and rebuild the state. ConfigError or LogRefused give the reason in a line."""
        port = self.config.port if self.config.port is not None else self.service.port
        self._acceptor = Acceptor(self.config.host, port, self._admits, self._logger)
        await self.parts.engine.start()
        self._prepared = True
        await self._revocations.start()
        await self.parts.counts.start()

    async def open(self) -> None:
        """Serve, and begin what the service does by itself."""
        self._runner = http.runner(self, _SHUTDOWN_TIMEOUT)
        await self._runner.setup()
        assert self._acceptor is not None
        handshake = self.config.timeouts.handshake
        protocol = http.protocol_factory(self._runner, handshake)
        await self._acceptor.open(protocol, self.settings.value.tls_context, handshake)
        self.settings.on_change(self._renew_tls)
        self._start_background_work()
        self._reloader.warn_of_lowered()
        self._logger.info(
            "listening",
            url=self.url,
            host=self.config.host,
            auth=self.config.auth,
            log=self.config.log.kind,
            loop=event_loop.running(),
        )

    def not_ready(self) -> str | None:
        """Why work should go elsewhere, None if it should come here."""
        if self.phase >= Phase.DRAINING:
            return "draining"
        return None if self.parts.engine.ready else "store unavailable"

    async def probe_log(self) -> None:
        """Find out what shows in `not_ready`."""
        await self.parts.engine.probe_log()

    async def upgrade(self, request: web.Request) -> web.StreamResponse:
        return await self._upgrades.handle(request)

    def reload(self) -> None:
        """Take over certificates, keys, peers and limits; a broken configuration changes nothing."""
        self._reloader.reload()

    async def drain(self) -> None:
        """Say that the end is near, answer what is under way, close 1001."""
        self.phase = Phase.DRAINING
        self.metrics.draining.set(1)
        self._logger.info("draining", connections=len(self.parts.connections))
        await drain(self.parts.connections, self.config.timeouts)

    async def stop(self) -> None:
        """Free everything, now; whatever was begun."""
        self.phase = Phase.STOPPING
        parts = self.parts
        if self._acceptor is not None:
            self._acceptor.close()
        for connection in parts.connections:
            connection.abort()
        await parts.frame_reader.close()
        await self._supervisor.stop()
        await parts.runtime.close()
        await self._revocations.close()
        await parts.counts.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._prepared:
            await parts.engine.stop()
            if parts.engine.tracing is not None:
                await parts.engine.tracing.stop()
        if self._runner is not None:
            self._logger.info("stopped")

    def _start_background_work(self) -> None:
        start, parts = self._supervisor.start, self.parts
        start("sweep", parts.connections.sweep)
        start("watch", self._reloader.watch)
        start("retention", partial(retention.keep_within, parts.engine, lambda: self.config.log.retention))
        start("revocations", self._revocations.follow)
        start("counts", parts.counts.run)
        for each in self.service.bridges:
            start(f"bridge from {each.source}", partial(bridge.run, each, parts.engine, parts.runtime))
        for background in self.service.background:
            start(background.__name__, partial(background, parts.runtime))

    def _admits(self, sockets: int) -> bool:
        """Whether a socket more may wait for its upgrade, or to be closed; connections have a limit of their own."""
        return sockets - self.parts.counts.total < self.config.limits.pending_connections

    def _renew_tls(self) -> None:
        """Connections that are there keep the certificate that they began with."""
        if self._acceptor is not None:
            self._acceptor.renew(self.settings.value.tls_context)


def _with_peers(service: Service, config: Config) -> Service:
    """The service with those of its bridges whose source is configured: they begin with the process."""
    return replace(service, bridges=tuple(each for each in service.bridges if each.source in config.peers))
