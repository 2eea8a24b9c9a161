from unittest.mock import patch

from bodhisattva.servers.core.session import Output, Session

CLAUSE = "AUTH-044"
WRONG = "keeps a connection open when its token ends"
SAYS = "in vain for error TOKEN_EXPIRED"


def never(*_: object) -> list[Output]:
    return []


def mutate() -> None:
    patch.object(Session, "_expired", never).start()
