import time
from typing import Any
from unittest.mock import patch

import jwt

from bodhisattva.servers.core.auth.keys import Key
from bodhisattva.servers.core.auth.tokens import Verifier

CLAUSE = "AUTH-022"
WRONG = "takes tokens that never end"
SAYS = "was not refused"
ALSO = ("AUTH-051",)


def endless(_: Verifier, key: Key, token: str) -> dict[str, Any]:
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
    claims: dict[str, Any] = jwt.decode(token, key.material, algorithms=[key.algorithm], options=options)
    return {"exp": time.time() + 60} | claims


def mutate() -> None:
    patch.object(Verifier, "_signed_by", endless).start()
