from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Verifier

CLAUSE = "AUTH-025"
WRONG = "takes no token of a clock that is ahead by seconds"
SAYS = "AUTH_FAILED"

made = Verifier.__init__


def make(verifier: Verifier, *arguments: Any, **options: Any) -> None:
    made(verifier, *arguments, **options)
    verifier._leeway = 0


def mutate() -> None:
    patch.object(Verifier, "__init__", make).start()
