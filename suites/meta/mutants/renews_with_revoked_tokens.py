from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Output, Session
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "AUTH-068"
WRONG = "renews a connection with a token that was taken back"
SAYS = "was not refused"

renew = Session._renew


def renew_anyway(session: Session, message: Incoming, identity: Identity) -> list[Output]:
    with patch.object(session._policy.verifier, "_revoked", frozenset()):
        return renew(session, message, identity)


def mutate() -> None:
    patch.object(Session, "_renew", renew_anyway).start()
