"""What a server is made of, built from its settings."""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from bodhisattva.servers.core import envelope, http
from bodhisattva.servers.core.config import Config, ConfigError, Limits
from bodhisattva.servers.core.connections.limits import ConnectionCounts
from bodhisattva.servers.core.connections.registry import ConnectionRegistry
from bodhisattva.servers.core.connections.requests import Requests
from bodhisattva.servers.core.connections.session_settings import SessionSettings
from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.delivery.write_batch import WriteBatch
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.engine.local_appender import LocalAppender
from bodhisattva.servers.core.log.base import LocalLog, SharedLog
from bodhisattva.servers.core.log.memory import MemoryLog
from bodhisattva.servers.core.log.sharing import in_redis
from bodhisattva.servers.core.log.sqlite import SqliteLog
from bodhisattva.servers.core.replicas.log_listener import LogListener
from bodhisattva.servers.core.replicas.shared_appender import SharedAppender
from bodhisattva.servers.core.runtime import ServiceRuntime
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.core.settings import CurrentSettings
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.servers.core.transport.frame_reader import FrameReader

if TYPE_CHECKING:
    from bodhisattva.servers.core.telemetry.tracing import Tracing


class Parts:
    """The parts of one server, wired to one another; none of them does anything yet."""

    def __init__(self, service: Service, current: CurrentSettings, metrics: Metrics) -> None:
        config = current.config
        self.connections = ConnectionRegistry()
        self.write_batch = WriteBatch(lambda: current.config.limits.queue_bytes)
        self.frame_reader = FrameReader(lambda: current.config.limits.message_bytes)
        self.hub = Hub(service, metrics, self.write_batch)
        self.counts = make_counts(service, current, self.connections.close_newest)
        self.engine = self._make_engine(service, config, metrics)
        self.engine.tracing = make_tracing(service, config)
        self.session_settings = SessionSettings(service, current, self.counts.add_user)
        self.requests = Requests(self.session_settings, self.engine, self.hub)
        self.runtime = ServiceRuntime(self.engine, metrics, current)
        current.on_change(self.frame_reader.renew)

    def _make_engine(self, service: Service, config: Config, metrics: Metrics) -> Engine:
        window = config.timeouts.deduplication
        if config.log.kind != "redis":
            log = make_log(service, config)
            return Engine(service, log, self.hub, metrics, window, partial(LocalAppender, log))
        shared = shared_log(service, config)
        listener = LogListener(self._store_reachable, self._log_lost)
        return Engine(service, shared, self.hub, metrics, window, partial(SharedAppender, shared, self.hub, listener))

    def _store_reachable(self, reachable: bool) -> None:
        """Tell every client that events stay out and commands are refused for a while, or that this is over."""
        self.connections.notify(envelope.event("server.available" if reachable else "server.unavailable", {}))

    def _log_lost(self, reason: str) -> None:
        """Subscribers, bridges among them, have to subscribe again (protocol 5)."""
        self.runtime.signal_log_lost()
        self.connections.close_subscribed(reason)


def make_counts(
    service: Service, current: CurrentSettings, close_newest: Callable[[str, str], None]
) -> ConnectionCounts:
    def limits() -> Limits:
        return current.config.limits

    log = current.config.log
    if log.kind != "redis":
        return ConnectionCounts(limits)
    with in_redis(log):
        from bodhisattva.servers.core.connections.shared_counts import SharedCounts
    return SharedCounts(limits, log, service.name, close_newest)


def make_log(service: Service, config: Config) -> LocalLog:
    if config.log.kind == "memory":
        return MemoryLog()
    return SqliteLog(log_file(service.name, config), service.name, config.timeouts.deduplication)


def log_file(service: str, config: Config) -> Path:
    """Where a service keeps its log on the disk."""
    return Path(config.state) / f"{service}.sqlite3"


def shared_log(service: Service, config: Config) -> SharedLog:
    """The log in Redis; ConfigError if its URL is not set, or the package for it is not there.

    The state folder is made only where an older format is to be kept in it.
    """
    state = Path(config.state)
    if state.exists() and not state.is_dir():
        raise ConfigError(f"state {state} is not a folder; name one, or a place where one can be made")
    with in_redis(config.log):
        from bodhisattva.servers.core.log.redis import RedisLog
    return RedisLog(config.log, service.name, config.timeouts.deduplication, state)


def make_tracing(service: Service, config: Config) -> "Tracing | None":
    """None if no collector is configured; ConfigError if the package for it is not there."""
    if config.tracing.endpoint is None:
        return None
    try:
        from bodhisattva.servers.core.telemetry.tracing import Tracing
    except ModuleNotFoundError as missing:
        raise ConfigError(f"{missing.name} is missing; install 'bodhisattva-conformance[otel]'") from None
    return Tracing(service.name, version(http.DISTRIBUTION), config.tracing)
