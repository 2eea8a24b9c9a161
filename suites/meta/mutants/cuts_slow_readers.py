from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.transport.heartbeat import Heartbeat

CLAUSE = "LIFECYCLE-031"
WRONG = "takes a peer for gone whose answer waits behind what it is still reading"
SAYS = "bytes read on a total of"


def hurry(*_: Any) -> None:
    """The time for the answer runs, wherever the ping is."""


def mutate() -> None:
    patch.object(Heartbeat, "delayed", hurry).start()
