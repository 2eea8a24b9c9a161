from unittest.mock import patch

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.connections.session import Output, Reply, Session
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "AUTH-012"
WRONG = "answers a ping before anybody has authenticated"
SAYS = "first message"

first = Session._first


def ping_first(session: Session, message: Incoming) -> list[Output]:
    return [Reply(envelope.pong(message), "pong")] if message.type == "ping" else first(session, message)


def mutate() -> None:
    patch.object(Session, "_first", ping_first).start()
