from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Now, Output, Session

CLAUSE = "AUTH-044"
WRONG = "ends a connection a second before its token ends"
SAYS = "before the token's end"

ended = Session._ended


def ended_early(session: Session, identity: Identity, now: Now) -> list[Output]:
    return ended(session, identity, Now(now.monotonic, now.wall + 1))


def mutate() -> None:
    patch.object(Session, "_ended", ended_early).start()
