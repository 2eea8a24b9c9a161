from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.replicas.replica import Replica

CLAUSE = "REPLICAS-002"
WRONG = "gives the log another epoch at each replica"
SAYS = "does not know the position"
ALSO = ("REPLICAS-001",)

begin = Replica.__init__


class Renamed:
    """The log under an epoch of this process's own."""

    def __init__(self, log: Any) -> None:
        self.epoch = fresh_id()
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def begin_with_own_epoch(replica: Replica, *arguments: Any, **named: Any) -> None:
    begin(replica, *arguments, **named)
    replica.log = Renamed(replica.log)


def mutate() -> None:
    patch.object(Replica, "__init__", begin_with_own_epoch).start()
