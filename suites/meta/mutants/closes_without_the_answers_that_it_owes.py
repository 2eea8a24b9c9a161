from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.connections.session import Reply

CLAUSE = "LIFECYCLE-173"
WRONG = "closes who broke a rule without the answers to what was asked before"
SAYS = "requests were answered before the close"

conclude = Connection.conclude


def close_at_once(connection: Connection, code: int, reason: str, last: Reply | None = None) -> None:
    if last is None:
        connection._in_flight.clear()
    conclude(connection, code, reason, last)


def mutate() -> None:
    patch.object(Connection, "conclude", close_at_once).start()
