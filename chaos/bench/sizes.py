"""The sizes of the loads: the full one, and a small one to try it."""

import msgspec


class Size(msgspec.Struct, frozen=True):
    """See PARTS."""

    repetitions: int = 5
    receivers: int = 500
    events: int = 100
    bursts: int = 3
    burst: int = 200
    requests: int = 4000
    window: int = 64
    seconds: float = 1.5
    connections: int = 1000


PARTS = {
    "repetitions": "Turns of each subject, of which the medians are.",
    "receivers": "Of each event.",
    "events": "Made one at a time.",
    "bursts": "Of events made at once.",
    "burst": "Events in each.",
    "requests": "Of one client.",
    "window": "Requests under way at once.",
    "seconds": "Of durable commands, for each number in flight.",
    "connections": "Idle ones, whose memory is measured.",
}
QUICK = Size(repetitions=2, receivers=100, events=50, bursts=2, requests=1000, seconds=0.4, connections=200)
