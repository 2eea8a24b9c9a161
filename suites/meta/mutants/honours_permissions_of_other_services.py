from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.auth import tokens

CLAUSE = "CROSS-003"
WRONG = "takes the administrator of one service for that of every service"
SAYS = "was not refused"
ALSO = ("AUTH-033",)

permissions = tokens._permissions


def admin_of_all(claim: Any) -> frozenset[str]:
    allowed = permissions(claim)
    return allowed | {"admin"} if any(each.endswith(":admin") for each in allowed) else allowed


def mutate() -> None:
    patch.object(tokens, "_permissions", admin_of_all).start()
