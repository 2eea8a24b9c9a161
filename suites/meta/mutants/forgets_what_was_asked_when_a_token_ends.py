from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.connections.session import Reply

CLAUSE = "AUTH-173"
WRONG = "closes at the end of a token without the answers to what was asked before"
SAYS = "commands that took effect"

conclude = Connection.conclude


def close_at_once(connection: Connection, code: int, reason: str, last: Reply | None = None) -> None:
    if last is not None:
        connection._in_flight.clear()
    conclude(connection, code, reason, last)


def mutate() -> None:
    patch.object(Connection, "conclude", close_at_once).start()
