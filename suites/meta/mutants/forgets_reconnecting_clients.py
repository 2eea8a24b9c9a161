from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "PROTOCOL-041"
WRONG = "tells a client that comes back that it will get what it missed, and sends only what is new"
SAYS = "in vain for event (any) on"
ALSO = ("PROTOCOL-043",)

follow = Connection.follow


def follow_from_now(connection: Connection, channel: str, _after: int | None) -> None:
    follow(connection, channel, None)


def mutate() -> None:
    patch.object(Connection, "follow", follow_from_now).start()
