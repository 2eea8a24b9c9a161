from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Output, Session
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "PROTOCOL-032"
WRONG = "does not answer a message of type ping"
SAYS = "in vain for the answer to p"

dispatch = Session._dispatch


def dispatch_others(session: Session, message: Incoming, identity: Identity) -> list[Output]:
    return [] if message.type == "ping" else dispatch(session, message, identity)


def mutate() -> None:
    patch.object(Session, "_dispatch", dispatch_others).start()
