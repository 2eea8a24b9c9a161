"""The handler of `/` and `/ws`: from a request for an upgrade to an open connection (protocol 2)."""

from collections.abc import Callable

from aiohttp import web

from bodhisattva.servers.core.composition import Parts
from bodhisattva.servers.core.connections import origin, proxies, upgrade
from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.connections.session import TRY_AGAIN_LATER
from bodhisattva.servers.core.drain import GOING_AWAY, STOPPING
from bodhisattva.servers.core.phase import Phase
from bodhisattva.servers.core.settings import CurrentSettings
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.servers.core.transport import handshake
from bodhisattva.servers.core.transport.websocket import WebSocket


class UpgradeHandler:
    """Checks a request, answers it, and counts the connection that comes of it."""

    def __init__(
        self, service: str, current: CurrentSettings, parts: Parts, metrics: Metrics, phase: Callable[[], Phase]
    ) -> None:
        self._current = current
        self._parts = parts
        self._metrics = metrics
        self._phase = phase
        self._refusals = origin.Refusals(service)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self._phase() >= Phase.DRAINING:
            raise web.HTTPServiceUnavailable(text="The service is stopping.\n")
        settings = self._current.value
        origin.check(request, settings.config, self._refusals)
        upgrade.check(request)
        bearer = upgrade.identify(request, settings.verifier)
        identity = upgrade.certify(request, settings.verifier, settings.config.tls, bearer)
        try:
            answer = await handshake.take_over(request, compress=settings.config.compression)
        except ConnectionResetError:
            return web.Response()  # the peer is gone
        if self._phase() is Phase.STOPPING:  # since the check: every other connection was cut
            answer.transport.abort()
            return answer
        websocket = WebSocket(answer.transport, self._parts.frame_reader, deflates=answer.deflates)
        connection = self._connection(websocket, proxies.client(request, self._current.value.trusted_proxies))
        if self._phase() is Phase.DRAINING:
            connection.reject(GOING_AWAY, STOPPING)
        elif not self._parts.counts.add(connection.address):
            connection.reject(TRY_AGAIN_LATER, "At capacity")
        else:
            self._place(connection)
            connection.open(identity, answer.early)
        return answer

    def _connection(self, websocket: WebSocket, client: proxies.Client) -> Connection:
        parts = self._parts
        return Connection(
            websocket,
            client.address,
            secure=client.scheme == "https",
            settings=parts.session_settings,
            requests=parts.requests,
            engine=parts.engine,
            hub=parts.hub,
            metrics=self._metrics,
            batch=parts.write_batch,
            free=self._free,
            forget=parts.connections.discard,
        )

    def _place(self, connection: Connection) -> None:
        connection.placed = True
        self._parts.connections.add(connection)
        self._metrics.connections_total.inc()
        self._metrics.connections.inc()

    def _free(self, connection: Connection) -> None:
        """Give the connection's place to others, once; its closing may still take a while."""
        if connection.placed:
            connection.placed = False
            self._parts.counts.remove(connection.address)
            self._parts.counts.remove_user(connection.user_id)
            self._metrics.connections.dec()
