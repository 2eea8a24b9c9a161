from unittest.mock import patch

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.connections.session import Now, Output, Reply, Request, Session
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import ErrorCode

CLAUSE = "PROTOCOL-060"
WRONG = "does what it answers RATE_LIMIT_EXCEEDED to"
SAYS = "get_session was not refused"

receive_text = Session.receive_text


def is_too_much(output: Output) -> bool:
    return isinstance(output, Reply) and output.error is ErrorCode.RATE_LIMIT_EXCEEDED


def receive_all(session: Session, text: str, now: Now) -> list[Output]:
    outputs = receive_text(session, text, now)
    if session.identity is None or not any(map(is_too_much, outputs)):
        return outputs
    message = envelope.decode(text, session._policy.limits)
    return [*outputs, Request(Incoming(message.type, None, None, message.event, message.data), session.identity)]


def mutate() -> None:
    patch.object(Session, "receive_text", receive_all).start()
