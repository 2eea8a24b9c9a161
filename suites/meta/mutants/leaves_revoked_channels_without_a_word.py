from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Output, Reply, Session
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "AUTH-041"
WRONG = "leaves the channels that a renewed token does not allow without a word"
SAYS = "in vain for event subscription.revoked"

renew = Session._renew


def renew_quietly(session: Session, message: Incoming, identity: Identity) -> list[Output]:
    outputs = renew(session, message, identity)
    return [each for each in outputs if not (isinstance(each, Reply) and each.kind == "event")]


def mutate() -> None:
    patch.object(Session, "_renew", renew_quietly).start()
