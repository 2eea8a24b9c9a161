from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.connections import session
from bodhisattva.servers.core.errors import RateLimitExceeded

CLAUSE = "PROTOCOL-060"
WRONG = "tells a client that is over its rate to come again at once"
SAYS = "was refused"


def at_once(message: str, **_: Any) -> RateLimitExceeded:
    return RateLimitExceeded(message, retry_after=0.001)


def mutate() -> None:
    patch.object(session, "RateLimitExceeded", at_once).start()
