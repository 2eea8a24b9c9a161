from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Output, Revoke, Session
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "AUTH-042"
WRONG = "leaves every channel when its token is renewed"
SAYS = "in vain for"

renew = Session._renew


def renew_and_leave(session: Session, message: Incoming, identity: Identity) -> list[Output]:
    return [*renew(session, message, identity), *(Revoke(channel) for channel in session.channels)]


def mutate() -> None:
    patch.object(Session, "_renew", renew_and_leave).start()
