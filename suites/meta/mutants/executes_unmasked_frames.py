from unittest.mock import patch

from bodhisattva.servers.core.transport.masking import MaskGuard

CLAUSE = "SECURITY-010"
WRONG = "executes short frames that are not masked"
SAYS = "1006 == 1002"

judge = MaskGuard._judge


def judge_leniently(guard: MaskGuard) -> None:
    judge(guard)
    if guard.lost:
        guard.lost, guard.violation = False, None
        guard._skip = guard._header[1]
        guard._header.clear()


def mutate() -> None:
    patch.object(MaskGuard, "_judge", judge_leniently).start()
