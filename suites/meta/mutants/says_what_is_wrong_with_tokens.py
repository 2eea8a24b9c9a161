from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.errors import AuthFailed

CLAUSE = "PROTOCOL-028"
WRONG = "repeats a refused token in the error"
SAYS = "a secret or token is in"

verify = Verifier.verify


def verify_aloud(verifier: Verifier, token: object) -> Identity:
    try:
        return verify(verifier, token)
    except AuthFailed:
        raise AuthFailed(f"The token {token} is not valid.") from None


def mutate() -> None:
    patch.object(Verifier, "verify", verify_aloud).start()
