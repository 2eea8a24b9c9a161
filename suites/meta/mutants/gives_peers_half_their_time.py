from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.config import Timeouts
from bodhisattva.servers.core.transport.heartbeat import Beat, Heartbeat

CLAUSE = "LIFECYCLE-018"
WRONG = "gives a peer up after half of the time that it says"
SAYS = "s after a ping"

tick = Heartbeat.tick


def tick_impatiently(heartbeat: Heartbeat, now: float, timeouts: Timeouts) -> Beat:
    return tick(heartbeat, now, replace(timeouts, ping_timeout=timeouts.ping_timeout / 2))


def mutate() -> None:
    patch.object(Heartbeat, "tick", tick_impatiently).start()
