"""Servers that are wrong in what akosha measures and detects."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from bodhisattva.servers.akosha import detectors, measure
from bodhisattva.servers.akosha.domain import State
from bodhisattva.servers.akosha.findings import Outlier
from bodhisattva.servers.akosha.ingest import Point, observe
from bodhisattva.servers.core.domain import Event
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "PROTOCOL-226",
    wrong="scores a value that deviates from equal ones the same whatever the size",
    failure="rounding is an anomaly",
)
def scores_a_flat_series_whatever_the_size(inject: Inject) -> None:
    inject.constant(detectors, "FLAT", 0.0, reader=(detectors, "outlier"))
    inject(detectors, "negligible", lambda values: 1e-9)


@mutant("PROTOCOL-112", wrong="gives confidences in percent", failure="a confidence of 100")
def is_more_than_certain(inject: Inject) -> None:
    inject(detectors, "confidence", lambda distance, variance: 100.0)


@mutant("PROTOCOL-227", wrong="ranks values that differ by rounding only", failure="rounding is a pattern")
def takes_rounding_for_a_pattern(inject: Inject) -> None:
    inject(detectors, "levelled", list)


@mutant("PROTOCOL-083", wrong="takes every value for an ordinary one", failure="anomaly.detected")
def notices_no_outliers(inject: Inject) -> None:
    inject(detectors, "outlier", lambda values, period: None)


@mutant("PROTOCOL-226", wrong="finds no outlier where more than half the values are equal", failure="anomaly.detected")
def misses_jumps_of_a_flat_series(inject: Inject) -> None:
    outlier = detectors.outlier

    def outlier_of_what_moves(values: Sequence[float], period: int | None = None) -> Outlier | None:
        found = outlier(values, period)
        return found if found is None or found.spread_type == "mad" else None

    inject(detectors, "outlier", outlier_of_what_moves)


@mutant(
    "CROSS-004",
    wrong="takes a workflow's duration in milliseconds into a series of seconds",
    failure="in vain for event series.ingested",
)
def measures_durations_in_milliseconds(inject: Inject) -> None:
    def observe_too_much(state: State, name: str, points: list[Point], *others: Any, **more: Any) -> tuple[Event, ...]:
        if name.endswith("duration_seconds"):
            points = [replace(point, value=point.value * 1000) for point in points]
        return observe(state, name, points, *others, **more)

    inject(measure, "observe", observe_too_much)


@mutant("CROSS-005", wrong="takes each report of coverage in twice", failure="[61.0, 61.0")
def records_each_coverage_twice(inject: Inject) -> None:
    def observe_twice(state: State, name: str, points: list[Point], *others: Any, **more: Any) -> tuple[Event, ...]:
        return observe(state, name, points * 2 if "coverage" in name else points, *others, **more)

    inject(measure, "observe", observe_twice)
