"""Servers that are wrong in what they report of their own readiness."""

from typing import Any

from aiohttp import web

from bodhisattva.servers.client import State
from bodhisattva.servers.core import http
from bodhisattva.servers.core.composition import Parts
from bodhisattva.servers.core.phase import Phase
from bodhisattva.servers.core.server import Server
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "REPLICAS-012",
    wrong="does not announce that its store is back",
    failure="in vain for event server.available",
)
def does_not_announce_its_restored_store(inject: Inject) -> None:
    announce = Parts._store_reachable

    def report_the_bad_only(parts: Parts, reachable: bool) -> None:
        if not reachable:
            announce(parts, reachable)

    inject(Parts, "_store_reachable", report_the_bad_only)


@mutant(
    "REPLICAS-012",
    wrong="does not announce that its store is gone, so that its clients wait for events that cannot come",
    failure="in vain for event server.unavailable",
)
def does_not_announce_its_lost_store(inject: Inject) -> None:
    def reachable(_: Parts, there: bool) -> None:
        return None

    inject(Parts, "_store_reachable", reachable)


@mutant(
    "DEGRADATION-173",
    wrong="finds out that its disk takes nothing more only when a command is to be written",
    failure="in vain for: /ready without a store",
)
def waits_for_a_command_to_find_its_disk_full(inject: Inject) -> None:
    async def detect_nothing(_server: Server) -> None:
        """What has not failed is taken for working."""

    inject(Server, "probe_log", detect_nothing)


@mutant(
    "DEGRADATION-012",
    wrong="is not ready while a service that it follows is away",
    failure="assert 503 == 200",
    besides=("mahavishnu",),
)
def is_not_ready_without_its_source(inject: Inject) -> None:
    not_ready = Server.not_ready

    def not_ready_alone(server: Server) -> str | None:
        away = any(client.state is State.RECONNECTING for client in server.parts.runtime._clients.values())
        return "a source is away" if away else not_ready(server)

    inject(Server, "not_ready", not_ready_alone)


@mutant("REPLICAS-011", wrong="is ready while its store is gone", failure="in vain for: /ready to answer 503")
def ready_without_its_store(inject: Inject) -> None:
    def ready(_: Server) -> None:
        return None

    inject(Server, "not_ready", ready)


@mutant("LIFECYCLE-004", wrong="answers 200 at /ready while it drains", failure="in vain for: /ready turns 503")
def stays_ready_while_draining(inject: Inject) -> None:
    def never_unready(_server: Server) -> None:
        return None

    inject(Server, "not_ready", never_unready)


@mutant(
    "DEGRADATION-020",
    wrong="answers 200 at /ready while it cannot store anything",
    failure="/ready is 200 without a store",
)
def stays_ready_without_its_store(inject: Inject) -> None:
    def ready_unless_draining(server: Server) -> str | None:
        return "draining" if server.phase >= Phase.DRAINING else None

    inject(Server, "not_ready", ready_unless_draining)


@mutant("PROTOCOL-072", wrong="answers 503 at /health, as if it were not alive", failure="/health", also=("TLS-009",))
def answers_503_at_health(inject: Inject) -> None:
    answer = http._json

    def answer_unhealthily(document: dict[str, Any], status: int = 200) -> web.Response:
        return answer(document, 503 if document.get("status") == "alive" else status)

    inject(http, "_json", answer_unhealthily)
