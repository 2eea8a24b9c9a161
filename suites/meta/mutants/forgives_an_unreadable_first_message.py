from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Output, Session, _error
from bodhisattva.servers.core.errors import DecodeFailed

CLAUSE = "AUTH-013"
WRONG = "goes on after a first message that it cannot read"
SAYS = "first message"


def forgive(_: Session, problem: DecodeFailed) -> list[Output]:
    return [_error(None, problem)]


def mutate() -> None:
    patch.object(Session, "_undecodable", forgive).start()
