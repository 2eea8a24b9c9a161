"""Aggregates of a series, and an insight when its median has changed."""

from collections.abc import Callable
from datetime import timedelta
from statistics import fmean, median, quantiles
from typing import Annotated, Any, Literal

import msgspec

from bodhisattva.servers.akosha.domain import Series, SeriesName, State
from bodhisattva.servers.akosha.findings import LEAST
from bodhisattva.servers.akosha.ingest import insight
from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import NotFound

Function = Literal["count", "min", "max", "mean", "median", "p95"]

# The medians of fewer values vary by chance.
COMPARABLE_COUNT = 10
NOTABLE_CHANGE = 0.2


def p95(values: list[float]) -> float:
    """The value that 95 % do not exceed, interpolated between neighbours."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


FUNCTIONS: dict[Function, Callable[[list[float]], float]] = {
    "count": len,
    "min": min,
    "max": max,
    "mean": fmean,
    "median": median,
    "p95": p95,
}


class Aggregate(msgspec.Struct, frozen=True):
    """functions: what to compute; all if the list is empty. window: seconds back from now; the whole series if None."""

    series: SeriesName
    functions: list[Function] = []
    window: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None


def aggregate(state: State, data: Aggregate, context: Context) -> Decision:
    """Aggregate the series; NotFound if it has no values in the window."""
    series = state.one(data.series)
    values = _values_in(series, data.window, context)
    if not values:
        raise NotFound("The series has no values in the window.", field="window", value=data.window)
    functions = list(dict.fromkeys(data.functions)) or list(FUNCTIONS)
    completed = {
        "aggregation_id": context.new_id(),
        "aggregation_type": functions[0] if len(functions) == 1 else "summary",
        "series": data.series,
        "window": data.window,
        "record_count": len(values),
        "summary": {function: FUNCTIONS[function](values) for function in functions},
        "median": median(values),
        "completed_at": context.now.isoformat(),
    }
    event = Event("aggregation.completed", ("metrics",), completed)
    return Decision(answer=completed, events=(event, *_changes(series, values, completed, context)))


def _values_in(series: Series, window: float | None, context: Context) -> list[float]:
    if window is None:
        return series.values
    start = context.now - timedelta(seconds=window)
    return [value for time, value in zip(series.times, series.values, strict=True) if start <= time <= context.now]


def _changes(series: Series, values: list[float], completed: dict[str, Any], context: Context) -> list[Event]:
    """An insight when the median has moved notably since the last aggregation over the same window.

    Relative to a median near zero every change is large. So the change must also be notable relative to the values.
    """
    before, count = series.medians.get(completed["window"], (0.0, 0))
    if min(count, completed["record_count"]) < COMPARABLE_COUNT or abs(before) <= LEAST:
        return []
    change = (completed["median"] - before) / abs(before)
    typical = median(map(abs, values))
    if abs(change) < NOTABLE_CHANGE or abs(completed["median"] - before) < NOTABLE_CHANGE / 2 * typical:
        return []
    name, after = completed["series"], completed["median"]
    title = f"{name} has {'risen' if change > 0 else 'fallen'} by {abs(change):.0%}"
    description = f"The median of {name} went from {before:g} to {after:g} since it was last aggregated."
    data = {"series": name, "before": before, "after": after, "change": change, "window": completed["window"]}
    return [insight("median_change", title, description, data, context)]
