from unittest.mock import patch

from bodhisattva.servers.core import envelope

CLAUSE = "PROTOCOL-025"
WRONG = "reads JSON that is nested more deeply than it claims"
SAYS = "65 levels"


def flat(_text: str, _allowed: int) -> int:
    return 0


def mutate() -> None:
    patch.object(envelope, "nesting", flat).start()
