from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "SECURITY-020"
WRONG = "keeps connections that have ended in its channels"
SAYS = "who is gone is still on the channel"

release = Connection._release


def release_but_stay(connection: Connection) -> None:
    connection.session.channels = set()
    release(connection)


def mutate() -> None:
    patch.object(Connection, "_release", release_but_stay).start()
