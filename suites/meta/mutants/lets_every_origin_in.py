from unittest.mock import patch

from bodhisattva.servers.core.connections import origin

CLAUSE = "SECURITY-001"
WRONG = "looks at no Origin"
SAYS = "DID NOT RAISE"


def check_nothing(*_: object) -> None: ...


def mutate() -> None:
    patch.object(origin, "check", check_nothing).start()
