from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "SECURITY-173"
WRONG = "keeps the slot of a connection that it closes until its client has answered the close"
SAYS = "the slot is kept for who has not answered the close"


def keep(_connection: Connection) -> None:
    """The slot is given back when the closing handshake is over."""


def mutate() -> None:
    patch.object(Connection, "_free_unless_behind", keep).start()
