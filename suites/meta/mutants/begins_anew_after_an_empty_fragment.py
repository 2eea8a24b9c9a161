from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.transport.masking import MaskGuard

CLAUSE = "SECURITY-015"
WRONG = "takes a new message where only an empty fragment of another has come"
SAYS = "a new message after 0 bytes of one"

count = MaskGuard._count


def count_what_is_there(guard: Any, size: int) -> None:
    count(guard, size)
    guard._unfinished = guard._unfinished and size > 0


def mutate() -> None:
    patch.object(MaskGuard, "_count", count_what_is_there).start()
