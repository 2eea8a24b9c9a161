from typing import Any
from unittest.mock import patch

from bodhisattva.servers.mahavishnu import runner

CLAUSE = "CROSS-014"
WRONG = "sends a reference to an earlier result instead of the result"
SAYS = "INVALID_DATA"


def unresolved(value: Any, _workflow: Any) -> Any:
    return value


def mutate() -> None:
    patch.object(runner, "resolved", unresolved).start()
