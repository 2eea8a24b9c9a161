from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.server import Server

CLAUSE = "LIFECYCLE-005"
WRONG = "takes new connections while it drains"
SAYS = "DID NOT RAISE"

upgrade = Server.upgrade


async def upgrade_anyhow(server: Server, request: web.Request) -> web.StreamResponse:
    draining, server.draining = server.draining, False
    try:
        return await upgrade(server, request)
    finally:
        server.draining = draining


def mutate() -> None:
    patch.object(Server, "upgrade", upgrade_anyhow).start()
