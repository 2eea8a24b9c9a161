"""Servers that are wrong in how they stop."""

import asyncio
import os
import random
import subprocess
from collections.abc import Collection, Coroutine
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from bodhisattva.servers.core import drain, run, server
from bodhisattva.servers.core.phase import Phase
from bodhisattva.servers.core.server import Server
from bodhisattva.servers.core.transport import websocket
from bodhisattva.servers.core.transport.lifecycle import DRAINING
from bodhisattva.servers.core.transport.websocket import WebSocket
from bodhisattva.suites.meta.inject import Inject, mutant

SECONDS = "10"


@mutant(
    "SECURITY-030",
    wrong="waits for the requests of a connection for as long as it takes",
    failure="in vain for: the end of the TCP connection",
)
def waits_for_every_request(inject: Inject) -> None:
    def wait(*_: object) -> None:
        """Nobody is too slow."""

    inject(RequestHandler, "_process_keepalive", wait)


@mutant(
    "LIFECYCLE-005",
    wrong="reads no more requests of its connections as soon as it drains",
    failure="in vain for the answer to",
)
def reads_nothing_while_draining(inject: Inject) -> None:
    drain_all = Server.drain

    async def drain_deafly(server: Server) -> None:
        for connection in server.parts.connections:
            if connection._lifecycle.receives:
                connection._lifecycle.enter(DRAINING)
        await drain_all(server)

    inject(Server, "drain", drain_deafly)


@mutant("LIFECYCLE-002", wrong="exits with 1 on SIGTERM, as if that were a failure", failure="1 == 0")
def exits_with_an_error_after_sigterm(inject: Inject) -> None:
    stop = Server.stop

    async def stop_badly(server: Server) -> None:
        await stop(server)
        os._exit(1)

    inject(Server, "stop", stop_badly)


@mutant(
    "LIFECYCLE-002",
    wrong="ends, and leaves its port open in the hands of a child process",
    failure="in vain for: the port is free",
)
def leaves_the_port_open(inject: Inject) -> None:
    stop = Server.stop

    async def stop_but_listen(server: Server) -> None:
        if server._acceptor is not None:
            handed_on = server._acceptor._listener.fileno()
            subprocess.Popen(["/bin/sleep", SECONDS], pass_fds=[handed_on])  # noqa: ASYNC220, S603
        await stop(server)

    inject(Server, "stop", stop_but_listen)


@mutant("LIFECYCLE-005", wrong="takes new connections while it drains", failure="DID NOT RAISE")
def upgrades_while_it_drains(inject: Inject) -> None:
    upgrade = Server.upgrade

    async def upgrade_anyhow(server: Server, request: web.Request) -> web.StreamResponse:
        phase, server.phase = server.phase, Phase.SERVING
        try:
            return await upgrade(server, request)
        finally:
            server.phase = phase

    inject(Server, "upgrade", upgrade_anyhow)


@mutant(
    "LIFECYCLE-006",
    wrong="has all its clients reconnect at the same moment",
    failure="every client is to come back at the same time",
)
def reconnects_all_clients_at_once(inject: Inject) -> None:
    def middle(low: float, high: float) -> float:
        return (low + high) / 2

    inject(random, "uniform", middle)


@mutant("LIFECYCLE-008", wrong="goes on draining at a second SIGTERM", failure="in vain for: the end of")
def drains_to_the_end_whatever_comes(inject: Inject) -> None:
    async def to_the_end(_changed: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
        await work
        return True

    inject(run, "_run_unless", to_the_end)


@mutant(
    "LIFECYCLE-007",
    wrong="closes with 1000 when it stops, as if all were done",
    failure="1000",
    also=("LIFECYCLE-002", "LIFECYCLE-006"),
)
def closes_1000_at_its_end(inject: Inject) -> None:
    inject.constant(drain, "GOING_AWAY", 1000, reader=(server, "drain"))


@mutant(
    "LIFECYCLE-009",
    wrong="waits as long as it takes for clients to answer its close",
    failure="in vain for: the end of",
)
def drains_as_long_as_clients_take(inject: Inject) -> None:
    async def wait(tasks: "Collection[asyncio.Future[None]]", _until: float) -> None:
        await asyncio.gather(*tasks)

    inject(drain, "_wait", wait)
    inject.constant(websocket, "CLOSE_TIMEOUT", 60.0, reader=(WebSocket, "close_handshake"))
