from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "PERFORMANCE-003"
WRONG = "lets an answer fall where forty requests of a connection are under way"
SAYS = "in vain for"

MOST = 40
answer = Connection.answer


def answer_some(connection: Connection, message: Incoming, outcome: Outcome) -> None:
    if len(connection._in_flight) <= MOST:
        answer(connection, message, outcome)
    else:
        connection._in_flight.pop(id(message), None)


def mutate() -> None:
    patch.object(Connection, "answer", answer_some).start()
