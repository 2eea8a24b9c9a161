from unittest.mock import patch

from bodhisattva.servers.core.auth import tokens

CLAUSE = "AUTH-034"
WRONG = "knows no administrator of one service"
SAYS = "FORBIDDEN"

listed = tokens._permissions


def without_own_admin(claim: object) -> frozenset[str]:
    return frozenset(each for each in listed(claim) if not each.endswith(":admin"))


def mutate() -> None:
    patch.object(tokens, "_permissions", without_own_admin).start()
