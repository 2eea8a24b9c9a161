from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity, Verifier

CLAUSE = "REPLICAS-040"
WRONG = "refuses a token that was revoked, and lets the connection live that has it"
SAYS = "in vain for error AUTH_FAILED"


def never(_: Verifier, __: Identity) -> bool:
    return False


def mutate() -> None:
    patch.object(Verifier, "revokes", never).start()
