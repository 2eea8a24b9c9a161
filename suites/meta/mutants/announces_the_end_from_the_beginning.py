from unittest.mock import patch

from bodhisattva.servers.core.session import Now, Output, Session
from bodhisattva.servers.core.tokens import Identity

CLAUSE = "AUTH-043"
WRONG = "announces the end of a token as soon as it has it"
SAYS = "<= 2.0"

warn = Session._warn


def warn_at_once(session: Session, identity: Identity, now: Now) -> list[Output]:
    with patch.object(session._policy, "expiry_warning", 3600.0):
        return warn(session, identity, now)


def mutate() -> None:
    patch.object(Session, "_warn", warn_at_once).start()
