from typing import Any
from unittest.mock import patch

import jwt

CLAUSE = "AUTH-020"
WRONG = "accepts tokens of the algorithm none"
SAYS = "auth was not refused"
ALSO = ("AUTH-051", "PROTOCOL-028")

decode: Any = jwt.decode


def decode_unsigned(token: str, secret: str, *, options: dict[str, Any], **settings: Any) -> Any:
    if jwt.get_unverified_header(token)["alg"] == "none":
        return decode(token, options={**options, "verify_signature": False})
    return decode(token, secret, options=options, **settings)


def mutate() -> None:
    patch.object(jwt, "decode", decode_unsigned).start()
