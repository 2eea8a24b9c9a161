"""One service's life: start, serve, reload, drain, stop (contract 7)."""

import asyncio
import errno
import random
import socket
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from bodhisattva.servers.core import bridge, envelope, frames, http, tls, upgrade
from bodhisattva.servers.core import config as configuration
from bodhisattva.servers.core.config import Config, ConfigError
from bodhisattva.servers.core.connection import CLOSE_TIMEOUT, Connection
from bodhisattva.servers.core.engine import Engine
from bodhisattva.servers.core.host import Host
from bodhisattva.servers.core.hub import Hub
from bodhisattva.servers.core.limits import ConnectionCounts
from bodhisattva.servers.core.log.base import Log
from bodhisattva.servers.core.log.memory import MemoryLog
from bodhisattva.servers.core.log.sqlite import SqliteLog
from bodhisattva.servers.core.metrics import Metrics
from bodhisattva.servers.core.permissions import Permissions
from bodhisattva.servers.core.requests import Requests
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.core.session import TRY_AGAIN_LATER, Policy
from bodhisattva.servers.core.tokens import Verifier, WeakSecret

GOING_AWAY = 1001
_SWEEP = 0.1
_BACKLOG = 1024
_LOOPBACK = ("127.", "::1", "localhost")


class Server:
    """A service, its log and its socket. `load` reads the configuration, at start and at each reload."""

    def __init__(self, service: Service, load: Callable[[], Config]) -> None:
        self.service = service
        self.config = load()
        self.metrics = Metrics(service.name, service.server)
        self.draining = False
        self._load = load
        self._context = tls.server_context(self.config.tls)
        self._hub = Hub(service, self.metrics)
        self._counts = ConnectionCounts(self.config.limits)
        self._policy = Policy(
            service,
            Permissions(service),
            self.config.limits,
            self.config.timeouts,
            verifier(self.config),
            self.config.tokens.expiry_warning,
            self._context is not None,
            http.features(service, self.config),
            self._counts.add_user,
        )
        log = make_log(service, self.config)
        self._engine = Engine(service, log, self._hub, self.metrics, self.config.timeouts.deduplication)
        self._requests = Requests(self._policy, self._engine, self._hub)
        self._host = Host(self._engine, lambda: self.config)
        self._connections: set[Connection] = set()
        self._work: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self._logger = structlog.get_logger(service=service.name)

    @property
    def port(self) -> int:
        return self.config.port if self.config.port is not None else self.service.port

    @property
    def url(self) -> str:
        scheme = "wss" if self._context is not None else "ws"
        return f"{scheme}://{self.config.host}:{self.port}/ws"

    async def start(self) -> None:
        """Take the port, rebuild the state, serve. ConfigError or LogRefused say in a line why not."""
        listener = listen(self.config.host, self.port)
        try:
            await self._engine.start()
            await self._listen(listener)
        except BaseException:
            listener.close()
            raise
        self._spawn(self._sweep())
        for standing in self.service.bridges:
            if self._host.configured(standing.source):
                self._spawn(bridge.run(standing, self._engine, self._host))
        for background in self.service.background:
            self._spawn(_run(background, self._host))
        self._logger.info("listening", url=self.url, auth=self.config.auth, log=self.config.log.kind)

    def not_ready(self) -> str | None:
        """Why work should go elsewhere, None if it should come here."""
        if self.draining:
            return "draining"
        return None if self._engine.available else "store unavailable"

    def reload(self) -> None:
        """Take over certificates, keys and limits; a broken configuration changes nothing."""
        try:
            renewed = self._load()
            judge = verifier(renewed)
            if self._context is not None:
                tls.reload_into(self._context, renewed.tls)
        except ConfigError as error:
            self._logger.error("reload refused", reason=str(error))
            return
        self.config = renewed
        self._counts.limits = renewed.limits
        self._policy.limits = renewed.limits
        self._policy.timeouts = renewed.timeouts
        self._policy.verifier = judge
        self._policy.expiry_warning = renewed.tokens.expiry_warning
        self._logger.info("reloaded")

    async def drain(self) -> None:
        """Say that the end is near, answer what is under way, close 1001, free the port."""
        self.draining = True
        self.metrics.draining.set(1)
        self._logger.info("draining", connections=len(self._connections))
        for connection in self._connections:
            pause = random.uniform(0, self.config.timeouts.reconnect_spread)  # noqa: S311
            notice = envelope.event("server.draining", {"reconnect_after": round(pause, 3)})
            connection.push(frames.text(notice))
        try:
            async with asyncio.timeout(max(0.0, self.config.timeouts.drain - CLOSE_TIMEOUT)):
                await asyncio.sleep(self.config.timeouts.drain_grace)
                await asyncio.gather(*(each.finish_requests() for each in self._connections))
        except TimeoutError:
            self._logger.warning("drain timeout: some requests are unanswered")
        await asyncio.gather(*(each.close(GOING_AWAY, "Server is stopping") for each in list(self._connections)))

    async def stop(self) -> None:
        """Free everything, now."""
        for connection in list(self._connections):
            connection.abort()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self._host.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._engine.stop()
        self._logger.info("stopped")

    async def upgrade(self, request: web.Request) -> web.StreamResponse:
        """The handler of `/` and `/ws` (contract 2)."""
        if self.draining:
            raise web.HTTPServiceUnavailable(text="The service is stopping.\n")
        upgrade.check(request, self.config.origins)
        identity = upgrade.identify(request, self._policy.verifier)
        websocket = web.WebSocketResponse(
            autoping=False,
            compress=False,
            timeout=CLOSE_TIMEOUT,
            max_msg_size=self.config.limits.message_bytes,
        )
        await websocket.prepare(request)
        address = request.remote or ""
        if not self._counts.add(address):
            await websocket.close(code=TRY_AGAIN_LATER, message=b"At capacity")
            return websocket
        connection = self._connection(websocket, request)
        self._connections.add(connection)
        self.metrics.connections_total.inc()
        self.metrics.connections.inc()
        try:
            await connection.run(identity)
        finally:
            self._connections.discard(connection)
            self._counts.remove(address, connection.user_id or None)
            self.metrics.connections.dec()
        return websocket

    def _connection(self, websocket: web.WebSocketResponse, request: web.Request) -> Connection:
        return Connection(
            websocket,
            request,
            policy=self._policy,
            requests=self._requests,
            engine=self._engine,
            hub=self._hub,
            metrics=self.metrics,
        )

    async def _listen(self, listener: socket.socket) -> None:
        self._runner = web.AppRunner(
            http.application(self), access_log=None, handle_signals=False, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.SockSite(self._runner, listener, ssl_context=self._context, backlog=_BACKLOG).start()

    async def _sweep(self) -> None:
        """The one clock of all connections, and the eye on renewed files."""
        watched = _modified(self.config)
        looked = time.monotonic()
        while True:
            await asyncio.sleep(_SWEEP)
            for connection in list(self._connections):
                connection.tick()
            if time.monotonic() - looked >= 1:
                looked = time.monotonic()
                if (seen := _modified(self.config)) != watched:
                    watched = seen
                    self.reload()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._work.append(asyncio.get_running_loop().create_task(work))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, or a ConfigError that says what is in the way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} on {host} is in use; stop what uses it or set another port") from None
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def verifier(config: Config) -> Verifier | None:
    """The judge of tokens that the configuration asks for; ConfigError if it is unsafe."""
    secret = configuration.secret(config)
    if config.auth == "disabled":
        if not config.host.startswith(_LOOPBACK):
            raise ConfigError(f"auth: disabled is for loopback only, not for host {config.host}; set tokens.secret")
        return None
    if secret is None:
        raise ConfigError("tokens.secret is not set; set it (32 bytes or more), or `auth: disabled` on loopback")
    settings = config.tokens
    try:
        return Verifier(secret, audience=settings.audience, max_lifetime=settings.max_lifetime, leeway=settings.leeway)
    except WeakSecret as error:
        raise ConfigError(str(error)) from None


def make_log(service: Service, config: Config) -> Log:
    if config.log.kind == "memory":
        return MemoryLog()
    path = Path(config.state) / f"{service.name}.sqlite3"
    return SqliteLog(path, service.name, config.timeouts.deduplication)


async def _run(background: Callable[[Host], Any], host: Host) -> None:
    try:
        await background(host)
    except Exception:
        host.log.exception("background work ended")
        raise


def _modified(config: Config) -> tuple[float, ...]:
    """When the files that a reload takes in were last written; 0 for one that is gone."""
    names = (config.tls.certificate, config.tls.key, config.tls.client_ca, config.tokens.secret_file)
    return tuple(_mtime(Path(name)) for name in names if name is not None)


def _mtime(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
