from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity, Verifier

CLAUSE = "TLS-026"
WRONG = "lets certificates live on that were revoked"
SAYS = "AUTH_FAILED"


def token_only(verifier: Verifier, identity: Identity) -> bool:
    return identity.token_id in verifier._revoked


def mutate() -> None:
    patch.object(Verifier, "revokes", token_only).start()
