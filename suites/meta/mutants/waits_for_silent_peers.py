from unittest.mock import patch

from bodhisattva.servers.core.config import Timeouts
from bodhisattva.servers.core.transport.heartbeat import Beat, Heartbeat

CLAUSE = "LIFECYCLE-018"
WRONG = "never gives up a peer that answers no pings"
SAYS = "in vain for: the connection's end"

tick = Heartbeat.tick


def tick_and_hope(heartbeat: Heartbeat, now: float, timeouts: Timeouts) -> Beat:
    heartbeat.heard()
    return tick(heartbeat, now, timeouts)


def mutate() -> None:
    patch.object(Heartbeat, "tick", tick_and_hope).start()
