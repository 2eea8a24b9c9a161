from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Verifier

CLAUSE = "AUTH-174"
WRONG = "takes a token that lives longer than the maximum by no more than the leeway"
SAYS = "was not refused"

timely = Verifier._timely


def timely_with_leeway(verifier: Verifier, expires_at: Any, claims: dict[str, Any]) -> bool:
    if isinstance(expires_at, int | float):
        expires_at -= verifier._leeway
    return timely(verifier, expires_at, claims)


def mutate() -> None:
    patch.object(Verifier, "_timely", timely_with_leeway).start()
