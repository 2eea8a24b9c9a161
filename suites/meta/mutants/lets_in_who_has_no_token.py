from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity, Verifier

CLAUSE = "AUTH-011"
WRONG = "takes an auth request without a token for somebody's"
SAYS = "was not refused"
ALSO = ("AUTH-051",)

verify = Verifier.verify


def verify_if_any(verifier: Verifier, token: object) -> Identity:
    return Identity("anonymous", frozenset(), None) if token is None else verify(verifier, token)


def mutate() -> None:
    patch.object(Verifier, "verify", verify_if_any).start()
