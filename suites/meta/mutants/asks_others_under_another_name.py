from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.auth import tokens
from bodhisattva.servers.core.auth.keys import Key

CLAUSE = "CROSS-006"
WRONG = "asks other services under a name that is not its own"
SAYS = "did not run under mahavishnu's own identity"

mint = tokens.mint


def mint_for_anybody(key: Key, _name: str, *others: Any, **more: Any) -> str:
    return mint(key, "anybody", *others, **more)


def mutate() -> None:
    patch.object(tokens, "mint", mint_for_anybody).start()
