"""Ingests measurements and runs the detectors on each series as it grows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from bodhisattva.servers.akosha import control, detectors, season
from bodhisattva.servers.akosha.domain import Series, SeriesName, State, Value, utc
from bodhisattva.servers.akosha.findings import Outlier, Pattern, PatternType
from bodhisattva.servers.core.domain import Context, Decision, Event

# A pattern is reported once it is nearly certain. It is reported again only after it has clearly ended.
REPORT_CONFIDENCE = 0.999
KEEP_CONFIDENCE = 0.95

OUTLIER_METHOD = "modified z-score (Iglewicz and Hoaglin, 1993)"
SEASONAL_METHOD = "modified z-score without the season's medians (S-H-ESD: Hochenbaum, Vallis and Kejariwal, 2017)"
PATTERN_METHODS: Mapping[PatternType, tuple[str, dict[str, Any]]] = {
    "trend": ("Mann-Kendall test (1945, 1975) and Sen's slope (1968)", {"window": detectors.TREND_WINDOW}),
    "level_shift": ("Mann-Whitney test (1947)", {"window": detectors.SHIFT_WINDOW}),
    "drift": (
        "EWMA control chart (Roberts, 1959) of values within limits (Huber, 1964)",
        {
            "weight": control.WEIGHT,
            "reference": control.REFERENCE,
            "recent": control.RECENT,
            "limit": control.LIMIT,
        },
    ),
    "season": (
        "autocorrelation (Box and Jenkins, 1970; Bartlett's test, 1946)",
        {"window": season.WINDOW, "cycles": season.CYCLES},
    ),
}

_SPREADS = {
    "mad": "median absolute deviation",
    "mean_ad": "mean absolute deviation",
    "floor": "least spread that counts",
}

SUSTAINED = "sustained_anomalies"
SUSTAINED_COUNT = 3
SUSTAINED_WINDOW = 20


class Point(msgspec.Struct, frozen=True):
    """A measurement. time: when it was made; now if None."""

    value: Value
    time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def __post_init__(self) -> None:
        if self.time is None:
            return
        try:
            utc(self.time)
        except OverflowError:
            raise ValueError("A time has to lie in the years 1 to 9999 of UTC") from None


class Ingest(msgspec.Struct, frozen=True):
    series: SeriesName
    points: Annotated[list[Point], msgspec.Meta(min_length=1, max_length=1000)]


def ingest(state: State, data: Ingest, context: Context) -> Decision:
    """Add points to a series, sorted by time, and report the findings."""
    events = observe(state, data.series, data.points, context)
    answer = {
        "series": data.series,
        "accepted": len(data.points),
        "total": state.series.get(data.series, Series()).total + len(data.points),
        "anomalies": _ids(events, "anomaly"),
        "patterns": _ids(events, "pattern"),
        "insights": _ids(events, "insight"),
    }
    return Decision(answer, events)


def observe(
    state: State, name: str, points: list[Point], context: Context, closes_span: str | None = None
) -> tuple[Event, ...]:
    """The events that record these points and their findings. closes_span: the name of a span that ends."""
    held = state.series.get(name, Series())
    timed = sorted(((point.time or context.now, point.value) for point in points), key=lambda each: each[0])
    values = held.values[-detectors.LONGEST_WINDOW :]
    anomalies = []
    for sequence, (time, value) in enumerate(timed, start=held.total + 1):
        values.append(value)
        found = detectors.outlier(values, held.period)
        if found is not None:
            anomalies.append(_anomaly(name, sequence, time, found, context))
    findings = [*_new_patterns(name, held, values, context), *_sustained(name, held, len(timed), anomalies, context)]
    ingested = {
        "series": name,
        "points": [{"time": utc(time), "value": value} for time, value in timed],
        "present": [condition for condition, _ in findings],
        "closes_span": closes_span,
        "ingested_by": context.user_id,
        "ingested_at": context.now.isoformat(),
    }
    new = [event for condition, event in findings if condition not in held.present]
    return (Event("series.ingested", ("metrics",), ingested), *anomalies, *new)


def _anomaly(name: str, sequence: int, time: datetime, found: Outlier, context: Context) -> Event:
    kind = "spike" if found.score > 0 else "dip"
    spread = _SPREADS[found.spread_type]
    where = f"the median of {found.sample_size} values is {found.median:g}"
    if found.period is not None:
        where = f"its season of {found.period} values leads one to expect {found.median:g}"
    data = {
        "anomaly_id": context.new_id(),
        "anomaly_type": kind,
        "severity": detectors.severity(found.score),
        "description": (
            f"{name} was {found.value:g} where {where} and the {spread} {found.spread:g}: "
            f"modified z-score {found.score:.1f}, beyond {detectors.OUTLIER_THRESHOLD}."
        ),
        "method": SEASONAL_METHOD if found.period else OUTLIER_METHOD,
        "series": name,
        "sequence": sequence,
        "metrics": {**found._asdict(), "threshold": detectors.OUTLIER_THRESHOLD, "time": utc(time)},
        "detected_at": context.now.isoformat(),
    }
    return Event("anomaly.detected", ("anomalies",), data)


def _new_patterns(name: str, held: Series, values: list[float], context: Context) -> list[tuple[str, Event]]:
    """The patterns in the values, each with its condition."""
    findings = []
    for found in detectors.patterns(values, held.period):
        least = KEEP_CONFIDENCE if found.condition in held.present else REPORT_CONFIDENCE
        if found.confidence >= least:
            findings.append((found.condition, _pattern(name, found, context)))
    return findings


def _pattern(name: str, found: Pattern, context: Context) -> Event:
    what = {
        "trend": f"moves by {found.size:g} a value over its last {found.sample_size}",
        "level_shift": f"stepped by {found.size:g} between the halves of its last {found.sample_size}",
        "drift": f"drifts, its weighted average by {found.size:g}, in the last of its {found.sample_size} values",
        "season": f"repeats every {found.period} values with an amplitude of {found.size:g}",
    }
    apart = f", apart from its season of {found.period} values" if found.direction and found.period else ""
    method, parameters = PATTERN_METHODS[found.pattern_type]
    category = name.split(".", 1)[0]
    data = {
        "pattern_id": context.new_id(),
        "pattern_type": found.pattern_type,
        "category": category,
        "series": name,
        "direction": found.direction,
        "description": f"{name} {what[found.pattern_type]}{apart}; {method}, confidence {found.confidence:.4f}.",
        "confidence": found.confidence,
        "method": method,
        "parameters": parameters,
        "metrics": {"size": found.size, "sample_size": found.sample_size, "period": found.period},
        "detected_at": context.now.isoformat(),
    }
    return Event("pattern.detected", (f"patterns:{category}",), data)


def _sustained(
    name: str, held: Series, added: int, anomalies: list[Event], context: Context
) -> list[tuple[str, Event]]:
    """An insight, with its condition, when anomalies are frequent."""
    first = held.total + added - SUSTAINED_WINDOW
    numbers = [*held.anomalous[-SUSTAINED_WINDOW:], *(event.data["sequence"] for event in anomalies)]
    count = sum(number > first for number in numbers)
    if count < SUSTAINED_COUNT:
        return []
    title = f"{name} is out of the ordinary"
    description = f"{count} of the last {SUSTAINED_WINDOW} values of {name} were anomalies."
    data = {"series": name, "anomalies": count, "window": SUSTAINED_WINDOW}
    return [(SUSTAINED, insight(SUSTAINED, title, description, data, context))]


def insight(insight_type: str, title: str, description: str, data: dict[str, Any], context: Context) -> Event:
    """The event of an insight. data: its figures."""
    generated = {
        "insight_id": context.new_id(),
        "insight_type": insight_type,
        "title": title,
        "description": description,
        "data": data,
        "generated_at": context.now.isoformat(),
    }
    return Event("insight.generated", ("insights",), generated)


def _ids(events: tuple[Event, ...], kind: str) -> list[str]:
    return [event.data[f"{kind}_id"] for event in events if event.name.startswith(f"{kind}.")]
