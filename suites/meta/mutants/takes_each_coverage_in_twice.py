from typing import Any
from unittest.mock import patch

from bodhisattva.servers.akosha import measure
from bodhisattva.servers.akosha.domain import State
from bodhisattva.servers.akosha.ingest import Point, observe
from bodhisattva.servers.core.domain import Event

CLAUSE = "CROSS-005"
WRONG = "takes each report of coverage in twice"
SAYS = "[61.0, 61.0"


def observe_twice(state: State, name: str, points: list[Point], *others: Any, **more: Any) -> tuple[Event, ...]:
    return observe(state, name, points * 2 if "coverage" in name else points, *others, **more)


def mutate() -> None:
    patch.object(measure, "observe", observe_twice).start()
