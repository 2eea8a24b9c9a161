from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "DEGRADATION-004"
WRONG = "drops what a slow consumer does not take, and leaves it connected without a word"
SAYS = "in vain for: the metrics count a slow consumer"


def pass_over(_connection: Connection) -> None:
    """What did not fit is gone."""


def mutate() -> None:
    patch.object(Connection, "_too_slow", pass_over).start()
