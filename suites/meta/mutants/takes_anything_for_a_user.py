from unittest.mock import patch

from bodhisattva.servers.core.auth import tokens

CLAUSE = "AUTH-026"
WRONG = "takes a number for a user"
SAYS = "was not refused"
ALSO = ("AUTH-051", "PROTOCOL-028")


def anybody(_: object) -> bool:
    return True


def mutate() -> None:
    patch.object(tokens, "names_a_user", anybody).start()
