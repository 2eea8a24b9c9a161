from unittest.mock import patch

from bodhisattva.servers.core.connections import session
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import DecodeFailed, InvalidMessage

CLAUSE = "PROTOCOL-023"
WRONG = "answers a type that it does not know as if the message could not be read"
SAYS = "type 'response'"

as_request = session._as_request


def as_request_or_junk(message: Incoming) -> Incoming:
    try:
        return as_request(message)
    except InvalidMessage:
        raise DecodeFailed("The message is not an envelope.") from None


def mutate() -> None:
    patch.object(session, "_as_request", as_request_or_junk).start()
