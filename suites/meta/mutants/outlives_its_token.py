from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Now, Output, Session

CLAUSE = "AUTH-044"
WRONG = "keeps a connection open when its token ends"
SAYS = "in vain for error TOKEN_EXPIRED"

ended = Session._ended


def only_revoked(session: Session, identity: Identity, now: Now) -> list[Output]:
    return ended(session, replace(identity, expires_at=None), now)


def mutate() -> None:
    patch.object(Session, "_ended", only_revoked).start()
