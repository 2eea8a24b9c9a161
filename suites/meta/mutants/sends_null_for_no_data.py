from unittest.mock import patch

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "PROTOCOL-002"
WRONG = "sends null where it has no data"
SAYS = "data of the pong is no object"


def pong_of_nothing(request: Incoming) -> bytes:
    return envelope._answer(request, "pong", None, None, None)


def mutate() -> None:
    patch.object(envelope, "pong", pong_of_nothing).start()
