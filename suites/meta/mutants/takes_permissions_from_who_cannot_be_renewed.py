from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Output, Session
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import AuthFailed

CLAUSE = "AUTH-040"
WRONG = "takes all permissions from a connection when a token that should renew it is refused"
SAYS = "FORBIDDEN"

renew = Session._renew


def renew_or_bar(session: Session, message: Incoming, identity: Identity) -> list[Output]:
    try:
        return renew(session, message, identity)
    except AuthFailed:
        session.identity = replace(identity, permissions=frozenset())
        raise


def mutate() -> None:
    patch.object(Session, "_renew", renew_or_bar).start()
