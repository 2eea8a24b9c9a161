from typing import Any
from unittest.mock import patch

import jwt

from bodhisattva.servers.core.auth.keys import Key
from bodhisattva.servers.core.auth.tokens import Verifier

CLAUSE = "AUTH-003"
WRONG = "looks at no signature"
SAYS = "was not refused"
ALSO = ("AUTH-051", "PROTOCOL-028")


def unsigned(_: Verifier, __: Key, token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def mutate() -> None:
    patch.object(Verifier, "_signed_by", unsigned).start()
