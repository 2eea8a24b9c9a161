from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.akosha import measure
from bodhisattva.servers.akosha.domain import State
from bodhisattva.servers.akosha.ingest import Point, observe
from bodhisattva.servers.core.domain import Event

CLAUSE = "CROSS-004"
WRONG = "takes a workflow's duration in milliseconds into a series of seconds"
SAYS = "in vain for event series.ingested"


def observe_too_much(state: State, name: str, points: list[Point], *others: Any, **more: Any) -> tuple[Event, ...]:
    if name.endswith("duration_seconds"):
        points = [replace(point, value=point.value * 1000) for point in points]
    return observe(state, name, points, *others, **more)


def mutate() -> None:
    patch.object(measure, "observe", observe_too_much).start()
