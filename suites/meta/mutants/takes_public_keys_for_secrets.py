import base64
import hashlib
import hmac
from typing import Any
from unittest.mock import patch

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bodhisattva.servers.core.auth.tokens import Verifier

CLAUSE = "AUTH-062"
WRONG = "lets a token choose that a public key is judged as a secret"
SAYS = "auth was not refused"

claims: Any = Verifier._claims


def signed_with_text(verifier: Verifier, token: str) -> bool:
    body, _, signature = token.rpartition(".")
    for key in verifier._keys._keys:
        if key.algorithm == "RS256":
            text = key.material.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            mac = hmac.new(text, body.encode(), hashlib.sha256).digest()
            if base64.urlsafe_b64encode(mac).rstrip(b"=").decode() == signature:
                return True
    return False


def claims_of_confused(verifier: Verifier, token: str) -> Any:
    if signed_with_text(verifier, token):
        return jwt.decode(token, options={"verify_signature": False})
    return claims(verifier, token)


def mutate() -> None:
    patch.object(Verifier, "_claims", claims_of_confused).start()
