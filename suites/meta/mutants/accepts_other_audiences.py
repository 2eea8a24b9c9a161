from typing import Any
from unittest.mock import patch

import jwt

CLAUSE = "AUTH-028"
WRONG = "accepts tokens that were made for somebody else"
SAYS = "auth was not refused"

decode: Any = jwt.decode


def decode_for_anybody(*given: Any, options: dict[str, Any], audience: str | None, **settings: Any) -> Any:
    return decode(*given, options={**options, "verify_aud": False}, **settings)


def mutate() -> None:
    patch.object(jwt, "decode", decode_for_anybody).start()
