from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Now, Output, Session

CLAUSE = "DEGRADATION-008"
WRONG = "never gives up a subscriber that answers no pings"
SAYS = "in vain for: the end of a half-open connection"

beat = Session._beat


def beat_and_hope(session: Session, now: Now) -> list[Output]:
    if session.channels:
        session._heartbeat.heard()
    return beat(session, now)


def mutate() -> None:
    patch.object(Session, "_beat", beat_and_hope).start()
