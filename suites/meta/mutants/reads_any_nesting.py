from unittest.mock import patch

from bodhisattva.servers.core import shape

CLAUSE = "PROTOCOL-025"
WRONG = "reads JSON that is nested more deeply than it claims"
SAYS = "65 levels"


def flat(_outside: bytes) -> int:
    return 0


def mutate() -> None:
    patch.object(shape, "_depth", flat).start()
