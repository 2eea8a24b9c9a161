"""What bridges and background tasks use of a running service: its state, its commands, and other services."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from bodhisattva.servers.client import Client
from bodhisattva.servers.client import State as LinkState
from bodhisattva.servers.core import config as configuration
from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.auth import keys, tokens
from bodhisattva.servers.core.auth.peer_trust import PeerTrust
from bodhisattva.servers.core.config import Peer
from bodhisattva.servers.core.domain import Context, State
from bodhisattva.servers.core.engine.deduplication import Outcome, answering
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.errors import ServiceError, Unavailable
from bodhisattva.servers.core.log.base import Position
from bodhisattva.servers.core.settings import CurrentSettings
from bodhisattva.servers.core.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from bodhisattva.servers.core.telemetry.tracing import Tracing

_TOKEN_LIFETIME = 600.0


class CommandRefused(ServiceError):
    """An own command was answered with an error."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message, **outcome.decoded())
        if outcome.code is not None:
            self.code = outcome.code


class ServiceRuntime:
    """A running service as its bridges and background tasks see it; they act as the user named like the service."""

    def __init__(self, engine: Engine, metrics: Metrics, settings: CurrentSettings) -> None:
        self.metrics = metrics
        self.log = structlog.get_logger(service=engine.service.name)
        self._engine = engine
        self._settings = settings
        self._trust = PeerTrust()
        self._clients: dict[str, Client] = {}
        self._opening: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._lost = asyncio.Event()
        self._renewed = asyncio.Event()
        settings.on_change(self._renew)

    @property
    def tracing(self) -> "Tracing | None":
        return self._engine.tracing

    @property
    def state(self) -> State:
        return self._engine.state

    def position(self, source: str) -> Position | None:
        """The position in the log of `source` up to which its events took effect here; None before the first."""
        return self._engine.positions.get(source)

    async def changed(self) -> None:
        """Wait for the next durable event of this service."""
        await self._engine.changed()

    async def log_lost(self) -> None:
        """Wait until the log turns out to have lost events, so that an earlier position may be gone."""
        await self._lost.wait()

    def signal_log_lost(self) -> None:
        self._lost.set()
        self._lost = asyncio.Event()

    def context(self) -> Context:
        trace = self.tracing.current() if self.tracing is not None else None
        return Context(datetime.now(UTC), self._engine.service.name, "", envelope.fresh_id, {}, traceparent=trace)

    async def execute(self, command: str, data: dict[str, Any], request_id: str | None = None) -> dict[str, Any]:
        """Run an own command, once per request id if it has one; CommandRefused if it answers an error."""
        handler = self._engine.service.own_handlers[command]
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._engine.command(handler, data, self.context(), request_id, answering(answered))
        outcome = await answered
        if outcome.code is not None:
            raise CommandRefused(outcome)
        return outcome.decoded()

    def has_peer(self, peer: str) -> bool:
        """Whether another service is in the configuration."""
        return peer in self._settings.config.peers

    async def peer_configured(self, peer: str) -> None:
        """Wait until another service is in the configuration."""
        while not self.has_peer(peer):
            await self._renewed.wait()

    async def peer(self, name: str) -> Client:
        """An authenticated client of another service, kept open; Unavailable if none is configured."""
        settings = self._settings.config.peers.get(name)
        if settings is None:
            raise Unavailable(f"No peer {name} is configured.", peer=name)
        async with self._opening[name]:
            client = self._clients.get(name)
            if client is None or client.state is LinkState.CLOSED:
                client = Client(
                    settings.url, token=self._token_source(settings, name), ssl=self._trust.context_for(name, settings)
                )
                await client.__aenter__()
                self._clients[name] = client
        return client

    async def request(
        self,
        service: str,
        name: str,
        data: dict[str, Any],
        *,
        id: str,  # noqa: A002 - the client's word for it
        timeout: float,
    ) -> dict[str, Any]:
        """Request something of another service; Unavailable if it is not configured. See `Client.request`."""
        client = await self.peer(service)
        if self.tracing is None:
            return await client.request(name, data, id=id, timeout=timeout)
        with self.tracing.call(service, name, id) as span:
            return await client.request(name, data, id=id, timeout=timeout, traceparent=span.traceparent)

    def continue_trace(self, traceparent: str | None) -> AbstractContextManager[None]:
        """Make what begins within the context part of this trace, if traces are kept."""
        return nullcontext() if self.tracing is None else self.tracing.continue_trace(traceparent)

    async def close(self) -> None:
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))

    def _renew(self) -> None:
        """Use the renewed certificates of peers, and wake whoever waits for a peer."""
        self._trust.renew(self._settings.config.peers)
        self._renewed.set()
        self._renewed = asyncio.Event()

    def _token_source(self, peer: Peer, name: str) -> Callable[[], str] | None:
        """The peer's token file, or short-lived tokens of our own; None without a secret to sign them with."""
        if peer.token_file is not None:
            file = Path(peer.token_file)
            return lambda: file.read_text().strip()
        if configuration.secret(self._settings.config) is None:
            return None
        return lambda: self._mint(name)

    def _mint(self, peer: str) -> str:
        config = self._settings.config
        return tokens.mint(
            keys.secret_key(configuration.secret(config) or ""),
            self._engine.service.name,
            [f"{peer}:read", f"{peer}:write"],
            min(_TOKEN_LIFETIME, config.tokens.max_lifetime),
            audience=config.tokens.audience,
        )
