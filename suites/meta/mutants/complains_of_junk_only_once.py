from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Output, Session
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import DecodeFailed

CLAUSE = "PROTOCOL-021"
WRONG = "answers only the first piece of junk until something better comes"
SAYS = "['DECODE_ERROR'] == "

complaining: set[Session] = set()
dispatch = Session._dispatch
complain = Session._undecodable


def dispatch_and_forgive(session: Session, message: Incoming, identity: Identity) -> list[Output]:
    complaining.discard(session)
    return dispatch(session, message, identity)


def complain_once(session: Session, problem: DecodeFailed) -> list[Output]:
    if session in complaining:
        return []
    complaining.add(session)
    return complain(session, problem)


def mutate() -> None:
    patch.object(Session, "_dispatch", dispatch_and_forgive).start()
    patch.object(Session, "_undecodable", complain_once).start()
