from typing import Any
from unittest.mock import patch

import jwt

from bodhisattva.servers.core.auth import keys
from bodhisattva.servers.core.auth.keys import Key

CLAUSE = "AUTH-069"
WRONG = "takes a secret of a JWKS file that everybody can read in its documents"
SAYS = "in vain for: the log names the file"

from_jwk = keys._from_jwk


def from_any_jwk(entry: dict[str, Any], where: str) -> Key:
    if entry.get("kty") == "oct":
        return Key("HS256", jwt.PyJWK(entry).key, entry.get("kid"))
    return from_jwk(entry, where)


def mutate() -> None:
    patch.object(keys, "_from_jwk", from_any_jwk).start()
