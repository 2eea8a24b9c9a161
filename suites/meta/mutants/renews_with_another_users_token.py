from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Identity

CLAUSE = "AUTH-040"
WRONG = "renews a connection with another user's token"
SAYS = "was not refused"


def renewed_by(_: Identity, token: Identity) -> Identity:
    return token


def mutate() -> None:
    patch.object(Identity, "renewed_by", renewed_by).start()
