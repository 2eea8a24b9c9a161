from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Now, Output, Session

CLAUSE = "AUTH-014"
WRONG = "waits for a token for as long as it takes"
SAYS = "in vain for"

tick = Session.tick


def tick_once_known(session: Session, now: Now) -> list[Output]:
    return tick(session, now) if session.identity is not None else []


def mutate() -> None:
    patch.object(Session, "tick", tick_once_known).start()
