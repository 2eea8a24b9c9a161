from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Output, Session
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import DecodeFailed

CLAUSE = "PROTOCOL-021"
WRONG = "answers only the first piece of junk until something better comes"
SAYS = "['DECODE_ERROR'] == "

complaining: set[Session] = set()
decode = Session._decode
complain = Session._undecodable


def decode_and_forgive(session: Session, text: str) -> Incoming | DecodeFailed:
    message = decode(session, text)
    if isinstance(message, Incoming):
        complaining.discard(session)
    return message


def complain_once(session: Session, problem: DecodeFailed) -> list[Output]:
    if session in complaining:
        return []
    complaining.add(session)
    return complain(session, problem)


def mutate() -> None:
    patch.object(Session, "_decode", decode_and_forgive).start()
    patch.object(Session, "_undecodable", complain_once).start()
