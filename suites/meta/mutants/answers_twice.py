from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "PROTOCOL-013"
WRONG = "answers a request for a channel's history twice"
SAYS = "answered again"

answer = Connection.answer


def answer_again(connection: Connection, message: Incoming, outcome: Outcome) -> None:
    answer(connection, message, outcome)
    if message.event == "history":
        answer(connection, message, outcome)


def mutate() -> None:
    patch.object(Connection, "answer", answer_again).start()
