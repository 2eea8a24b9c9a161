from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Output, Session

CLAUSE = "PROTOCOL-064"
WRONG = "counts only the connections of users that authenticate by a message"
SAYS = "in vain for the connection's end"


def open_uncounted(session: Session, identity: Identity | None) -> list[Output]:
    session.identity = identity
    return [] if identity is None else [session._welcome()]


def mutate() -> None:
    patch.object(Session, "open", open_uncounted).start()
