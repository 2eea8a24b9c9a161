from unittest.mock import patch

from bodhisattva.servers.core.connections import session

CLAUSE = "SECURITY-200"
WRONG = "decodes messages of any size before authentication"
SAYS = "AUTH_REQUIRED"


def never(_text: str, _limit: int) -> bool:
    return False


def mutate() -> None:
    patch.object(session, "_longer", never).start()
