from unittest.mock import patch

from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import ServiceError
from bodhisattva.servers.core.session import Output, Session
from bodhisattva.servers.core.tokens import Identity

CLAUSE = "AUTH-040"
WRONG = "closes a connection that is to be renewed with a token that is refused"
SAYS = "Authentication failed"

renew = Session._renew


def renew_or_end(session: Session, message: Incoming, identity: Identity) -> list[Output]:
    try:
        return renew(session, message, identity)
    except ServiceError as refusal:
        return session._refuse(message, refusal)


def mutate() -> None:
    patch.object(Session, "_renew", renew_or_end).start()
