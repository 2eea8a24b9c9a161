from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.connections import upgrade
from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "DEGRADATION-003"
WRONG = "turns away whoever comes next after a connection has failed in the midst of a frame"
SAYS = "HTTP 503"

check = upgrade.check
lost = Connection.lost
cut: list[str] = []


def lost_in_a_frame(connection: Connection) -> None:
    if connection._websocket._guard._skip:
        cut.append(connection.connection_id)
    lost(connection)


def check_after_a_failure(request: web.Request) -> None:
    if cut:
        cut.clear()
        raise web.HTTPServiceUnavailable
    check(request)


def mutate() -> None:
    patch.object(Connection, "lost", lost_in_a_frame).start()
    patch.object(upgrade, "check", check_after_a_failure).start()
