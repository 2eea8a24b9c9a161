from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Output, Session
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "AUTH-042"
WRONG = "ends a renewed connection with the token that it came with"
SAYS = "Token expired"

renew = Session._renew


def renew_until_then(session: Session, message: Incoming, identity: Identity) -> list[Output]:
    outputs = renew(session, message, identity)
    if session.identity is not None:
        session.identity = replace(session.identity, expires_at=identity.expires_at)
    return outputs


def mutate() -> None:
    patch.object(Session, "_renew", renew_until_then).start()
