from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity, Verifier

CLAUSE = "AUTH-027"
WRONG = "does not take the subject of a token for its user"
SAYS = "AUTH_FAILED"

identity = Verifier._identity


def without_subject(verifier: Verifier, claims: dict[str, Any]) -> Identity:
    return identity(verifier, {name: value for name, value in claims.items() if name != "sub"})


def mutate() -> None:
    patch.object(Verifier, "_identity", without_subject).start()
