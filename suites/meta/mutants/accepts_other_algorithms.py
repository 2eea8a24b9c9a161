from typing import Any
from unittest.mock import patch

import jwt

CLAUSE = "AUTH-021"
WRONG = "accepts tokens of algorithms that are not on the list"
SAYS = "auth was not refused"

decode = jwt.decode


def decode_any(token: str, secret: str, *, algorithms: list[str], **settings: Any) -> Any:
    return decode(token, secret, algorithms=[*algorithms, "HS384", "HS512"], **settings)


def mutate() -> None:
    patch.object(jwt, "decode", decode_any).start()
