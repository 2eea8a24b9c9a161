from typing import Any
from unittest.mock import patch

import jwt

from bodhisattva.servers.core.auth.tokens import Verifier

CLAUSE = "TLS-027"
WRONG = "believes any token where it has no key to judge it by"
SAYS = "was not refused"

claims = Verifier._claims


def unjudged(verifier: Verifier, token: str) -> dict[str, Any]:
    if verifier._keys._keys:
        return claims(verifier, token)
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def mutate() -> None:
    patch.object(Verifier, "_claims", unjudged).start()
