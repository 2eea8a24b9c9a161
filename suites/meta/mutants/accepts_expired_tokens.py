import time
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity, Verifier

CLAUSE = "AUTH-002"
WRONG = "accepts expired tokens"
SAYS = "auth was not refused"
ALSO = ("AUTH-051", "PROTOCOL-028")

identity = Verifier._identity


def of_today(verifier: Verifier, claims: dict[str, Any]) -> Identity:
    end = claims.get("exp")
    over = isinstance(end, int | float) and end <= time.time()
    return identity(verifier, {**claims, "exp": time.time() + 60} if over else claims)


def mutate() -> None:
    patch.object(Verifier, "_identity", of_today).start()
