from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Output, Session
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "AUTH-045"
WRONG = "welcomes again when somebody authenticates again"
SAYS = "more than an answer"
ALSO = ("AUTH-041",)

renew = Session._renew


def renew_and_welcome(session: Session, message: Incoming, identity: Identity) -> list[Output]:
    return [*renew(session, message, identity), session._welcome()]


def mutate() -> None:
    patch.object(Session, "_renew", renew_and_welcome).start()
