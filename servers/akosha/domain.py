"""Series of measurements, and what was found in them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Literal

import msgspec

from bodhisattva.servers.core.domain import Context, Event
from bodhisattva.servers.core.errors import NotFound
from bodhisattva.servers.core.records import Limit

SeriesName = Annotated[str, msgspec.Meta(max_length=150, pattern=r"^[A-Za-z0-9_@/+-]+(\.[A-Za-z0-9_@/+:-]+)*\Z")]
Value = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
RecordId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Category = Annotated[str, msgspec.Meta(min_length=1, max_length=150)]
Severity = Literal["low", "medium", "high", "critical"]


@dataclass
class Series:
    """Measurements in order of arrival, numbered from 1.

    anomalous: the numbers of those that were anomalies. present: the conditions found when the last ones came.
    medians: the last aggregated median and record count by window.
    """

    times: list[datetime] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    anomalous: list[int] = field(default_factory=list)
    present: tuple[str, ...] = ()
    medians: dict[float | None, tuple[float, int]] = field(default_factory=dict)


@dataclass
class State:
    """Every series by name, every finding by id in order of detection, and when each open span began."""

    series: dict[str, Series] = field(default_factory=dict)
    patterns: dict[str, dict[str, Any]] = field(default_factory=dict)
    anomalies: dict[str, dict[str, Any]] = field(default_factory=dict)
    spans: dict[str, datetime] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        data = event.data
        match event.name:
            case "series.ingested":
                self._ingested(data)
            case "anomaly.detected":
                self.anomalies[data["anomaly_id"]] = data
                self.series[data["series"]].anomalous.append(data["sequence"])
            case "pattern.detected":
                self.patterns[data["pattern_id"]] = data
            case "aggregation.completed":
                medians = self.series[data["series"]].medians
                medians[data["window"]] = (data["median"], data["record_count"])
            case "span.opened":
                self.spans[data["span"]] = datetime.fromisoformat(data["opened_at"])
            case "insight.generated":
                pass  # Told and kept in the log; nothing is decided by it.
            case other:
                raise ValueError(f"akosha records no event {other!r}")

    def _ingested(self, data: dict[str, Any]) -> None:
        series = self.series.setdefault(data["series"], Series())
        series.times += [datetime.fromisoformat(point["time"]) for point in data["points"]]
        series.values += [point["value"] for point in data["points"]]
        series.present = tuple(data["present"])
        self.spans.pop(data["closes_span"], None)

    def one(self, name: str) -> Series:
        """The series of that name, or NotFound."""
        try:
            return self.series[name]
        except KeyError:
            raise NotFound("There is no such series.", field="series", value=name) from None


class GetSeries(msgspec.Struct, frozen=True):
    """after: the number of the last point already known."""

    series: SeriesName
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Limit = 100


class GetPatterns(msgspec.Struct, frozen=True):
    """after: the id of the last pattern already known."""

    category: Category | None = None
    after: RecordId | None = None
    limit: Limit = 100


class GetAnomalies(msgspec.Struct, frozen=True):
    """after: the id of the last anomaly already known."""

    severity: Severity | None = None
    after: RecordId | None = None
    limit: Limit = 100


def get_series(state: State, data: GetSeries, context: Context) -> dict[str, Any]:
    """A page of the series' points in order of arrival; `next` is the `after` of the next page, null on the last."""
    series = state.one(data.series)
    end = min(data.after + data.limit, len(series.values))
    points = [
        {"sequence": place + 1, "time": series.times[place].isoformat(), "value": series.values[place]}
        for place in range(data.after, end)
    ]
    return {
        "series": data.series,
        "total": len(series.values),
        "points": points,
        "next": end if end < len(series.values) else None,
    }


def get_patterns(state: State, data: GetPatterns, context: Context) -> dict[str, Any]:
    """A page of patterns, of one category or all, as they were detected."""
    wanted = {} if data.category is None else {"category": data.category}
    patterns, following = _page(state.patterns, wanted, data.after, data.limit)
    return {"patterns": patterns, "next": following}


def get_anomalies(state: State, data: GetAnomalies, context: Context) -> dict[str, Any]:
    """A page of anomalies, of one severity or all, as they were detected."""
    wanted = {} if data.severity is None else {"severity": data.severity}
    anomalies, following = _page(state.anomalies, wanted, data.after, data.limit)
    return {"anomalies": anomalies, "next": following}


def utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()


def _page(
    records: Mapping[str, dict[str, Any]], wanted: Mapping[str, str], after: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """The records like `wanted` that follow the id `after`, and the `after` of the next page, null on the last."""
    matching = (identity for identity in _following(records, after) if wanted.items() <= records[identity].items())
    found = list(islice(matching, limit + 1))
    page = found[:limit]
    return [records[identity] for identity in page], page[-1] if len(found) > limit else None


def _following(records: Mapping[str, Any], after: str | None) -> Iterator[str]:
    if after is not None and after not in records:
        raise NotFound("There is no such record to go on after.", field="after", value=after)
    identities = iter(records)
    if after is not None:
        while next(identities) != after:
            continue
    return identities
