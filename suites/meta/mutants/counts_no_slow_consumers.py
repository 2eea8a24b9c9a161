from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import SLOW_CONSUMER, Connection

CLAUSE = "DEGRADATION-004"
WRONG = "closes slow consumers and does not count them"
SAYS = "in vain for: the metrics count a slow consumer"


def close_uncounted(connection: Connection) -> None:
    connection.begin_close(SLOW_CONSUMER, "Slow consumer")


def mutate() -> None:
    patch.object(Connection, "_too_slow", close_uncounted).start()
