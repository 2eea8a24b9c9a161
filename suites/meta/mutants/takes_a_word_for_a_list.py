from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.auth import tokens

CLAUSE = "AUTH-032"
WRONG = "takes permissions that are a string for a list of one"
SAYS = "was not refused"

listed = tokens._permissions


def one_or_more(claim: Any) -> frozenset[str]:
    return listed([claim] if isinstance(claim, str) else claim)


def mutate() -> None:
    patch.object(tokens, "_permissions", one_or_more).start()
