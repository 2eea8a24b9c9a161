from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "PROTOCOL-059"
WRONG = "goes on from its newest event when a client subscribes again that is still catching up"
SAYS = "in vain for event (any)"

follow = Connection.follow


def follow_afresh(connection: Connection, channel: str, after: int | None) -> None:
    follow(connection, channel, None if channel in connection._catching_up else after)


def mutate() -> None:
    patch.object(Connection, "follow", follow_afresh).start()
