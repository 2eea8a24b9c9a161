from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Now, Output, Session

CLAUSE = "AUTH-043"
WRONG = "announces the end of a token a second sooner than it claims"
SAYS = "<= 2.0"

warn = Session._warn


def warn_too_early(session: Session, identity: Identity, now: Now) -> list[Output]:
    with patch.object(session._policy, "expiry_warning", session._policy.expiry_warning + 1):
        return warn(session, identity, now)


def mutate() -> None:
    patch.object(Session, "_warn", warn_too_early).start()
