from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core import session
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.session import Reply
from bodhisattva.servers.core.tokens import ANYBODY, Identity

CLAUSE = "AUTH-001"
WRONG = "answers a good token with another name than the user's"
SAYS = "== 'ann'"

authenticated = session._authenticated


def as_anybody(message: Incoming, identity: Identity, status: str) -> Reply:
    return authenticated(message, replace(identity, user_id=ANYBODY.user_id), status)


def mutate() -> None:
    patch.object(session, "_authenticated", as_anybody).start()
