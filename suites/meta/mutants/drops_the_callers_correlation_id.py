from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.envelope import Outgoing

CLAUSE = "PROTOCOL-012"
WRONG = "drops a request's correlation id where it differs from its id"
SAYS = "not returned"


def without_the_callers(*fields: Any) -> Outgoing:
    return Outgoing(*fields[:-1])


def mutate() -> None:
    patch.object(envelope, "CorrelatedOutgoing", without_the_callers).start()
