from unittest.mock import patch

import msgspec

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "PROTOCOL-010"
WRONG = "echoes no correlation id in its answer to unsubscribe"
SAYS = "in vain for the answer to unsubscribe of"
ALSO = ("PROTOCOL-013", "PROTOCOL-034")

answer = Connection.answer


def answer_uncorrelated(connection: Connection, message: Incoming, outcome: Outcome) -> None:
    if message.event == "unsubscribe":
        connection._in_flight.pop(id(message), None)
        message = msgspec.structs.replace(message, id=None, correlation_id=None)
    answer(connection, message, outcome)


def mutate() -> None:
    patch.object(Connection, "answer", answer_uncorrelated).start()
