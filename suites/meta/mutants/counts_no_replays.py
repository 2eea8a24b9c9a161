from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.telemetry import metrics
from bodhisattva.servers.core.telemetry.metrics import Metrics

CLAUSE = "PROTOCOL-091"
WRONG = "does not count the events that it replays"
SAYS = "assert 0.0 =="


class Stuck:
    def inc(self, *_: Any) -> None:
        return None


def mutate() -> None:
    begin: Callable[..., None] = Metrics.__init__

    def begin_stuck(one: Metrics, *arguments: Any) -> None:
        begin(one, *arguments)
        one.replayed = Stuck()  # type: ignore[assignment]

    patch.object(metrics.Metrics, "__init__", begin_stuck).start()
