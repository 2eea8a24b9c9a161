from typing import Any
from unittest.mock import patch

import jwt

from bodhisattva.servers.core.auth.tokens import Verifier

CLAUSE = "AUTH-020"
WRONG = "accepts tokens of the algorithm none"
SAYS = "auth was not refused"
ALSO = ("AUTH-051", "PROTOCOL-028")

claims: Any = Verifier._claims


def claims_unsigned(verifier: Verifier, token: str) -> Any:
    if token.count(".") == 2 and token.endswith("."):
        return jwt.decode(token, options={"verify_signature": False})
    return claims(verifier, token)


def mutate() -> None:
    patch.object(Verifier, "_claims", claims_unsigned).start()
