from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "LIFECYCLE-007"
WRONG = "closes at the end of its drain without a look at what is still to be answered"
SAYS = "requests in flight were answered"


async def finish_at_once(connection: Connection, code: int, reason: str) -> None:
    connection.begin_close(code, reason)


def mutate() -> None:
    patch.object(Connection, "finish", finish_at_once).start()
