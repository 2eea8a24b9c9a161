"""The HTTP face of a service (protocol 6), on the same port as its WebSocket."""

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Protocol

from aiohttp import hdrs, web
from multidict import CIMultiDict

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.core.telemetry.metrics import Metrics

PROTOCOL = "1.0"
DISTRIBUTION = "bodhisattva-conformance"
SERVER_NAME = "bodhisattva"
"""The `Server` header of every response; aiohttp's own would name its version and Python's."""

_LOG_FEATURES: dict[str, list[str]] = {
    "memory": [],
    "sqlite": ["durable", "own_store"],
    "redis": ["durable", "replicas"],
}


def features(service: Service, config: Config) -> tuple[str, ...]:
    """What this service claims, as the suite reads it."""
    claimed = ["resume", "history", "presence", "deduplication", "drain", "reload", "metrics"]
    if config.auth == "required":
        claimed += ["auth", "public_keys", "revocation"]
    if config.tls.certificate is not None:
        claimed.append("tls")
    if config.tls.verify_client:
        claimed.append("mtls")
    if config.tls.client_user is not None:
        claimed.append("mtls_users")
    claimed += _LOG_FEATURES[config.log.kind]
    if config.compression:
        claimed.append("compression")
    if any(not kind.persisted for kind in service.channels):
        claimed.append("ephemeral")
    if any(command.startswith("import_") for command in service.command_handlers):
        claimed.append("imports")
    if any(bridge.source in config.peers for bridge in service.bridges):
        claimed.append("bridges")
    return tuple(sorted(claimed))


def description(service: Service, config: Config) -> dict[str, Any]:
    """The document at /.well-known/bodhisattva.json."""
    limits, timeouts, tokens = config.limits, config.timeouts, config.tokens
    return {
        "service": service.name,
        "server": service.server,
        "purpose": service.purpose,
        "version": version(DISTRIBUTION),
        "protocol": PROTOCOL,
        "features": features(service, config),
        "limits": {
            "connections": limits.connections,
            "pending_connections": limits.pending_connections,
            "connections_per_user": limits.connections_per_user,
            "connections_per_address": limits.connections_per_address,
            "messages_per_second": limits.messages_per_second,
            "burst": limits.burst,
            "rate_patience": limits.rate_patience,
            "channels": limits.channels,
            "message_bytes": limits.message_bytes,
            "first_message_bytes": limits.first_message_bytes,
            "values": limits.values,
            "nesting": limits.nesting,
            "queue_bytes": limits.queue_bytes,
            "queue_age": limits.queue_age,
            "handshake_timeout": timeouts.handshake,
            "auth_timeout": timeouts.auth,
            "ping_interval": timeouts.ping_interval,
            "ping_timeout": timeouts.ping_timeout,
            "drain_timeout": timeouts.drain,
            "drain_grace": timeouts.drain_grace,
            "deduplication_window": timeouts.deduplication,
            "expiry_warning": tokens.expiry_warning,
            "max_token_lifetime": tokens.max_lifetime,
        },
        "channels": [
            {"kind": kind.name, "persisted": kind.persisted, "private": kind.private} for kind in service.channel_kinds
        ],
        "requests": {
            "queries": sorted(service.query_handlers),
            "commands": sorted(service.command_handlers),
        },
    }


class HttpBackend(Protocol):
    """What the routes of a service are answered from."""

    @property
    def service(self) -> Service: ...

    @property
    def metrics(self) -> Metrics: ...

    @property
    def config(self) -> Config: ...

    def not_ready(self) -> str | None: ...

    async def probe_log(self) -> None: ...

    async def upgrade(self, request: web.Request) -> web.StreamResponse: ...


class _RequestHandler(web.RequestHandler):
    """aiohttp's handler of one connection; what is no HTTP never comes to the application, whose signal names us."""

    __slots__ = ()

    def handle_error(self, *args: Any, **options: Any) -> web.StreamResponse:
        response = super().handle_error(*args, **options)
        response.headers[hdrs.SERVER] = SERVER_NAME
        return response


def runner(server: HttpBackend, shutdown_timeout: float) -> web.AppRunner:
    """shutdown_timeout: seconds for requests that are under way when it is cleaned up."""
    return web.AppRunner(application(server), handle_signals=False, shutdown_timeout=shutdown_timeout)


def protocol_factory(runner: web.AppRunner, patience: float) -> Callable[[], asyncio.Protocol]:
    """Makes the protocol of each accepted connection. patience: seconds for the first request, and between two."""
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        assert runner.server is not None
        no_log: Any = None
        return _RequestHandler(runner.server, loop=loop, access_log=no_log, keepalive_timeout=patience)

    return protocol


async def _name_server(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.SERVER] = SERVER_NAME


def application(server: HttpBackend) -> web.Application:
    """The routes of one service."""

    async def health(_: web.Request) -> web.Response:
        return _json({"status": "alive", "service": server.service.name})

    async def ready(_: web.Request) -> web.Response:
        await server.probe_log()
        reason = server.not_ready()
        if reason is None:
            return _json({"status": "ready", "service": server.service.name})
        return _json({"status": reason, "service": server.service.name}, 503)

    async def metrics(_: web.Request) -> web.Response:
        await server.probe_log()
        headers = CIMultiDict({"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
        return web.Response(body=server.metrics.render(), headers=headers)

    async def well_known(_: web.Request) -> web.Response:
        return _json(description(server.service, server.config))

    app = web.Application()
    app.on_response_prepare.append(_name_server)
    app.router.add_get("/", server.upgrade, allow_head=False)
    app.router.add_get("/ws", server.upgrade, allow_head=False)
    app.router.add_get("/health", health)
    app.router.add_get("/ready", ready)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/.well-known/bodhisattva.json", well_known)
    return app


def _json(document: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=envelope.encode(document), status=status, content_type="application/json")
