from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "DEGRADATION-005"
WRONG = "shows slow consumers on their channels after it has closed them"
SAYS = "who is gone is still on the channel"

release = Connection._release
shut = Connection._too_slow
slow: set[str] = set()


def shut_and_remember(connection: Connection) -> None:
    slow.add(connection.connection_id)
    shut(connection)


def release_others(connection: Connection) -> None:
    if connection.connection_id not in slow:
        release(connection)


def mutate() -> None:
    patch.object(Connection, "_too_slow", shut_and_remember).start()
    patch.object(Connection, "_release", release_others).start()
