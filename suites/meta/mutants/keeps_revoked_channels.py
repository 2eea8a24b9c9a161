from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.connections.session import Output, Revoke

CLAUSE = "AUTH-041"
WRONG = "goes on sending from channels that a renewed token does not allow"
SAYS = "a revoked channel is still heard"

perform = Connection._perform


def perform_the_rest(connection: Connection, outputs: list[Output]) -> None:
    perform(connection, [output for output in outputs if not isinstance(output, Revoke)])


def mutate() -> None:
    patch.object(Connection, "_perform", perform_the_rest).start()
