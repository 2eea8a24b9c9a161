from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core import http
from bodhisattva.servers.core.server import Server

CLAUSE = "SECURITY-004"
WRONG = "upgrades at any path"
SAYS = "/nowhere: 101"

application = http.application


def everywhere(server: Server) -> web.Application:
    app = application(server)
    app.router.add_get("/nowhere", server.upgrade)
    return app


def mutate() -> None:
    patch.object(http, "application", everywhere).start()
