from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Verifier

CLAUSE = "AUTH-024"
WRONG = "takes tokens of the next hour"
SAYS = "was not refused"

made = Verifier.__init__


def make(verifier: Verifier, *arguments: Any, **options: Any) -> None:
    made(verifier, *arguments, **options)
    verifier._leeway = 3600


def mutate() -> None:
    patch.object(Verifier, "__init__", make).start()
