from typing import Any
from unittest.mock import patch

from bodhisattva.servers.client import RequestFailed
from bodhisattva.servers.mahavishnu.runner import CallFailed, _Calling

CLAUSE = "CROSS-007"
WRONG = "does not say why another service refused a stage"
SAYS = "'NOT_FOUND' in"

refused = _Calling._refused


def refused_tersely(calling: _Calling, error: RequestFailed) -> dict[str, Any]:
    try:
        return refused(calling, error)
    except CallFailed as failure:
        raise CallFailed("It was refused.", without_effect=failure.without_effect) from None


def mutate() -> None:
    patch.object(_Calling, "_refused", refused_tersely).start()
