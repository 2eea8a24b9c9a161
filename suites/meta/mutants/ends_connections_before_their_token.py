from unittest.mock import patch

from bodhisattva.servers.core.session import Now, Output, Session
from bodhisattva.servers.core.tokens import Identity

CLAUSE = "AUTH-044"
WRONG = "ends a connection a second before its token ends"
SAYS = "before the token's end"

ended = Session._ended


def ended_early(session: Session, identity: Identity, now: Now) -> list[Output]:
    return ended(session, identity, Now(now.monotonic, now.wall + 1))


def mutate() -> None:
    patch.object(Session, "_ended", ended_early).start()
