from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "SECURITY-013"
WRONG = "closes with 1000, as if all were well, where a text is not UTF-8"
SAYS = "1000"

INVALID_PAYLOAD = 1007

broke = Connection.broke


def close_well(connection: Connection, code: int) -> None:
    broke(connection, 1000 if code == INVALID_PAYLOAD else code)


def mutate() -> None:
    patch.object(Connection, "broke", close_well).start()
