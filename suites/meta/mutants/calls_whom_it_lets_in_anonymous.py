from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.auth.tokens import ANYBODY, Identity
from bodhisattva.servers.core.connections import session
from bodhisattva.servers.core.connections.session import Reply
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "AUTH-001"
WRONG = "answers a good token with another name than the user's"
SAYS = "== 'ann'"

authenticated = session._authenticated


def as_anybody(message: Incoming, identity: Identity, status: str) -> Reply:
    return authenticated(message, replace(identity, user_id=ANYBODY.user_id), status)


def mutate() -> None:
    patch.object(session, "_authenticated", as_anybody).start()
