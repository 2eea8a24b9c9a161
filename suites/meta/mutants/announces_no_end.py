from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Output, Session

CLAUSE = "AUTH-043"
WRONG = "does not announce that a token is about to end"
SAYS = "announced 0 times"


def say_nothing(*_: object) -> list[Output]:
    return []


def mutate() -> None:
    patch.object(Session, "_warn", say_nothing).start()
