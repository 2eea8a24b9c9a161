from unittest.mock import patch

from bodhisattva.servers.core.transport.masking import MaskGuard

CLAUSE = "SECURITY-240"
WRONG = "drops requests that come in one segment with a violation"
SAYS = "nothing is answered"

follow = MaskGuard.follow


def follow_all_or_nothing(guard: MaskGuard, data: bytes) -> int:
    good = follow(guard, data)
    return good if guard.violation is None else 0


def mutate() -> None:
    patch.object(MaskGuard, "follow", follow_all_or_nothing).start()
