from unittest.mock import patch

from bodhisattva.servers.core import server

CLAUSE = "LIFECYCLE-007"
WRONG = "closes with 1000 when it stops, as if all were done"
SAYS = "1000"
ALSO = ("LIFECYCLE-002", "LIFECYCLE-006")


def mutate() -> None:
    patch.object(server, "GOING_AWAY", 1000).start()
