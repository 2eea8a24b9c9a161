import math
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.auth.tokens import Verifier

CLAUSE = "AUTH-023"
WRONG = "takes tokens however long they live"
SAYS = "was not refused"

made = Verifier.__init__


def make(verifier: Verifier, *arguments: Any, **options: Any) -> None:
    made(verifier, *arguments, **options)
    verifier._max_lifetime = math.inf


def mutate() -> None:
    patch.object(Verifier, "__init__", make).start()
