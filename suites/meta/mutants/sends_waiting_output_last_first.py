from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.transport.outbox import Outbox

CLAUSE = "DEGRADATION-006"
WRONG = "sends what is due to a slow client with the newest first"
SAYS = "== [0, 1, 2, 3, 4, 5"

flush = Outbox.flush
MANY = 256 * 1024


def flush_reversed(outbox: Outbox, *shared: Any) -> None:
    if outbox.unsent > MANY:
        outbox._frames.reverse()
    flush(outbox, *shared)


def mutate() -> None:
    patch.object(Outbox, "flush", flush_reversed).start()
