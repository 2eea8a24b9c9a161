"""Series of measurements, and the findings in them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Literal

import msgspec

from bodhisattva.servers.akosha.downsample import chosen
from bodhisattva.servers.core.domain import Context, Event
from bodhisattva.servers.core.errors import NotFound
from bodhisattva.servers.core.inputs import Limit, find

SeriesName = Annotated[str, msgspec.Meta(max_length=150, pattern=r"^[A-Za-z0-9_@/+-]+(\.[A-Za-z0-9_@/+:-]+)*\Z")]
Value = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
RecordId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Category = Annotated[str, msgspec.Meta(min_length=1, max_length=150)]
Severity = Literal["low", "medium", "high", "critical"]


# The newest points of a series and the newest findings of each kind are kept. At the limit the older half is removed at
# once, so that the cost of adding one does not grow.
MOST_POINTS = 20_000
MOST_FINDINGS = 20_000
MOST_MEDIANS = 100


@dataclass
class Series:
    """Measurements in order of arrival, numbered from 1.

    anomalous: the numbers of the newest anomalies. present: the conditions found at the last ingest.
    medians: the last aggregated median and record count, by window. dropped: how many of the oldest were removed.
    """

    times: list[datetime] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    anomalous: list[int] = field(default_factory=list)
    present: tuple[str, ...] = ()
    medians: dict[float | None, tuple[float, int]] = field(default_factory=dict)
    dropped: int = 0

    @property
    def total(self) -> int:
        """How many were ever ingested."""
        return self.dropped + len(self.values)

    @property
    def period(self) -> int | None:
        """The period of the series' season, in values."""
        seasons = (condition.partition(":") for condition in self.present)
        return next((int(period) for kind, _, period in seasons if kind == "season"), None)

    def extend(self, times: list[datetime], values: list[float]) -> None:
        self.times += times
        self.values += values
        if len(self.values) > MOST_POINTS:
            surplus = len(self.values) - MOST_POINTS // 2
            self.dropped += surplus
            del self.times[:surplus], self.values[:surplus]

    def aggregated(self, window: float | None, middle: float, count: int) -> None:
        self.medians[window] = (middle, count)
        if len(self.medians) > MOST_MEDIANS:
            del self.medians[next(iter(self.medians))]


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
                _keep(self.anomalies, data["anomaly_id"], data)
                anomalous = self.series[data["series"]].anomalous
                anomalous.append(data["sequence"])
                del anomalous[:-MOST_MEDIANS]
            case "pattern.detected":
                _keep(self.patterns, data["pattern_id"], data)
            case "aggregation.completed":
                self.series[data["series"]].aggregated(data["window"], data["median"], data["record_count"])
            case "span.opened":
                self.spans[data["span"]] = datetime.fromisoformat(data["opened_at"])
            case "insight.generated":
                pass  # No decision depends on it.
            case other:
                raise ValueError(f"akosha records no event {other!r}")

    def _ingested(self, data: dict[str, Any]) -> None:
        series = self.series.setdefault(data["series"], Series())
        times = [datetime.fromisoformat(point["time"]) for point in data["points"]]
        series.extend(times, [point["value"] for point in data["points"]])
        series.present = tuple(data["present"])
        self.spans.pop(data["closes_span"], None)

    def one(self, name: str) -> Series:
        """The series of that name, or NotFound."""
        return find(self.series, name, "series", "There is no such series.")


class GetSeries(msgspec.Struct, frozen=True):
    """after: the number of the last point already known. downsample: return so many of all later points, not a page."""

    series: SeriesName
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Limit = 100
    downsample: Annotated[int, msgspec.Meta(ge=3, le=1000)] | None = None


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
    """A page of the series' points in order of arrival.

    first: the number of the oldest point held; a page after an older one begins there.
    next: the `after` of the next page, null on the last.
    """
    series = state.one(data.series)
    begin = max(data.after - series.dropped, 0)
    if data.downsample is None:
        places: Sequence[int] = range(begin, min(begin + data.limit, len(series.values)))
        end = places[-1] + 1 if places else len(series.values)
    else:
        places = [begin + place for place in chosen(series.values[begin:], data.downsample)]
        end = len(series.values)
    points = [
        {
            "sequence": series.dropped + place + 1,
            "time": series.times[place].isoformat(),
            "value": series.values[place],
        }
        for place in places
    ]
    return {
        "series": data.series,
        "total": series.total,
        "first": series.dropped + 1,
        "points": points,
        "next": series.dropped + end if end < len(series.values) else None,
    }


def get_patterns(state: State, data: GetPatterns, context: Context) -> dict[str, Any]:
    """A page of patterns, of one category or all, in order of detection."""
    wanted = {} if data.category is None else {"category": data.category}
    patterns, following = _page(state.patterns, wanted, data.after, data.limit)
    return {"patterns": patterns, "next": following}


def get_anomalies(state: State, data: GetAnomalies, context: Context) -> dict[str, Any]:
    """A page of anomalies, of one severity or all, in order of detection."""
    wanted = {} if data.severity is None else {"severity": data.severity}
    anomalies, following = _page(state.anomalies, wanted, data.after, data.limit)
    return {"anomalies": anomalies, "next": following}


def _keep(findings: dict[str, dict[str, Any]], identity: str, found: dict[str, Any]) -> None:
    findings[identity] = found
    if len(findings) > MOST_FINDINGS:
        for oldest in list(islice(findings, MOST_FINDINGS // 2)):
            del findings[oldest]


def utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()


def _page(
    records: Mapping[str, dict[str, Any]], wanted: Mapping[str, str], after: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """The records that have the `wanted` items, after the id `after`; and the next page's `after`, null on the last."""
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
