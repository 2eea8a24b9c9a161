from unittest.mock import patch

from bodhisattva.servers.core.config import Timeouts
from bodhisattva.servers.core.transport.heartbeat import Beat, Heartbeat

CLAUSE = "LIFECYCLE-019"
WRONG = "has no heartbeat"
SAYS = "in vain for: a frame"
ALSO = ("LIFECYCLE-018",)


def rest(_heartbeat: Heartbeat, _now: float, _timeouts: Timeouts) -> Beat:
    return Beat.NONE


def mutate() -> None:
    patch.object(Heartbeat, "tick", rest).start()
