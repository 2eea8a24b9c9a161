from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity, Verifier

CLAUSE = "AUTH-067"
WRONG = "lets connections live on whose token was revoked"
SAYS = "AUTH_FAILED"


def never(_: Verifier, __: Identity) -> bool:
    return False


def mutate() -> None:
    patch.object(Verifier, "revokes", never).start()
