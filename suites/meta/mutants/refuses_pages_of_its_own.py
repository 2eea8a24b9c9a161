from unittest.mock import patch

from bodhisattva.servers.core.connections import origin

CLAUSE = "SECURITY-243"
WRONG = "refuses pages of its own origin"
SAYS = "403"


def never(*_: object) -> bool:
    return False


def mutate() -> None:
    patch.object(origin, "_is_own", never).start()
