import time
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.errors import AuthFailed

CLAUSE = "DEGRADATION-002"
WRONG = "refuses tokens that were made before it was started"
SAYS = "auth was refused"

identity = Verifier._identity
started = time.time()


def of_later_tokens(verifier: Verifier, claims: dict[str, Any]) -> Identity:
    if claims.get("iat", started) < started - 1:
        raise AuthFailed("The token is not valid.")
    return identity(verifier, claims)


def mutate() -> None:
    patch.object(Verifier, "_identity", of_later_tokens).start()
