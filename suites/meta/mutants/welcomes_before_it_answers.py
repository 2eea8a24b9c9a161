from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Output, Session
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "AUTH-010"
WRONG = "welcomes before it answers auth"
SAYS = "== ('response', 'auth', 'first')"
ALSO = ("SECURITY-010",)

first = Session._first


def reversed_first(session: Session, message: Incoming) -> list[Output]:
    outputs = first(session, message)
    return outputs[::-1] if session.identity is not None else outputs


def mutate() -> None:
    patch.object(Session, "_first", reversed_first).start()
