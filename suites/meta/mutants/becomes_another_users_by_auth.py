from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Output, Session
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "AUTH-045"
WRONG = "lets a connection become another user's by authenticating again"
SAYS = "auth was not refused"

renew = Session._renew


def renew_for_anybody(session: Session, message: Incoming, identity: Identity) -> list[Output]:
    if message.event == "auth":
        identity = session._verify(message)
    return renew(session, message, identity)


def mutate() -> None:
    patch.object(Session, "_renew", renew_for_anybody).start()
