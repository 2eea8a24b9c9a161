from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "LIFECYCLE-021"
WRONG = "answers every close with 1000"
SAYS = "1000 == 1001"

ended = Connection.ended
PRIVATE = 3000


def end_well(connection: Connection, code: int) -> None:
    ended(connection, 1000 if code == 1001 or code >= PRIVATE else code)


def mutate() -> None:
    patch.object(Connection, "ended", end_well).start()
