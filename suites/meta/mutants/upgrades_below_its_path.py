from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core import http
from bodhisattva.servers.core.server import Server

CLAUSE = "SECURITY-004"
WRONG = "offers the upgrade at paths below /ws too"
SAYS = "/ws/x: 101"

application = http.application


def application_with_more(server: Server) -> web.Application:
    app = application(server)
    app.router.add_get("/ws/{more}", server.upgrade)
    return app


def mutate() -> None:
    patch.object(http, "application", application_with_more).start()
