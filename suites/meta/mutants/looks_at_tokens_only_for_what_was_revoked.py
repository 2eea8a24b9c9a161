from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity, Verifier

CLAUSE = "TLS-026"
WRONG = "lets a connection live on whose certificate was revoked, once a token has come"
SAYS = "in vain for error AUTH_FAILED"

revokes = Verifier.revokes


def revokes_bare(verifier: Verifier, identity: Identity) -> bool:
    return identity.token_id in verifier._revoked if identity.token_id is not None else revokes(verifier, identity)


def mutate() -> None:
    patch.object(Verifier, "revokes", revokes_bare).start()
