import asyncio
from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.connections.session import Close

CLAUSE = "AUTH-015"
WRONG = "goes on for a moment after it has refused a token, before it closes"
SAYS = "('b', None)"

MOMENT = 0.2

shut = Connection._shut


def shut_in_a_moment(connection: Connection, close: Close) -> None:
    if close.reason != "Authentication failed" or connection.session.identity is not None:
        return shut(connection, close)
    connection.session._closing = False
    asyncio.get_running_loop().call_later(MOMENT, shut, connection, close)
    return None


def mutate() -> None:
    patch.object(Connection, "_shut", shut_in_a_moment).start()
