from unittest.mock import patch

from bodhisattva.servers.core.connections import connection

CLAUSE = "SECURITY-013"
WRONG = "closes with 1000, as if all were well, where a text is not UTF-8"
SAYS = "1000"


def mutate() -> None:
    patch.dict(connection._UNSENDABLE, {1007: 1000}).start()
