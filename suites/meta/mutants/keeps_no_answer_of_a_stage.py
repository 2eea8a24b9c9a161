from typing import Any
from unittest.mock import patch

from bodhisattva.servers.mahavishnu.runner import _Calling

CLAUSE = "CROSS-006"
WRONG = "runs a stage on the other service, and does not keep what that answered"
SAYS = "is not what the service answered"
ALSO = ("CROSS-014",)

complete = _Calling._complete


async def complete_empty(calling: _Calling, result: dict[str, Any]) -> None:
    await complete(calling, {})


def mutate() -> None:
    patch.object(_Calling, "_complete", complete_empty).start()
