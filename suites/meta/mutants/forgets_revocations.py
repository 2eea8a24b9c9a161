from unittest.mock import patch

from bodhisattva.servers.core.auth import verification
from bodhisattva.servers.core.config import Tokens

CLAUSE = "AUTH-066"
WRONG = "goes on taking tokens that were revoked"
SAYS = "the revoked token is refused"
ALSO = ("AUTH-067",)


def none_revoked(_: Tokens) -> set[str]:
    return set()


def mutate() -> None:
    patch.object(verification, "in_file", none_revoked).start()
