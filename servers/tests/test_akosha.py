"""Analytics: findings of a series are right, and are reported once."""

from collections.abc import Callable
from datetime import timedelta
from itertools import chain
from statistics import NormalDist, mean, median
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.akosha import domain, ingest
from bodhisattva.servers.akosha.service import SERVICE
from bodhisattva.servers.core.domain import Decision, Event
from bodhisattva.servers.core.errors import InvalidData, NotFound
from bodhisattva.servers.tests.harness import START, Harness

STEADY = [10.0, 11.0, 9.0, 10.0, 12.0, 10.0, 9.0, 11.0, 10.0, 10.0]
numbers = st.integers(-1000, 1000).map(float)


# Visitors by the hour, of half a day.
HOURS = [20.0, 21, 22, 24, 30, 45, 60, 58, 50, 40, 30, 24]


def daily(days: int) -> list[float]:
    noise = NormalDist(0, 1).samples(days * len(HOURS), seed=5)
    return [HOURS[place % len(HOURS)] + each for place, each in enumerate(noise)]


@pytest.fixture
def harness() -> Harness:
    return Harness(SERVICE)


def points(*values: float) -> list[dict[str, Any]]:
    return [{"value": value} for value in values]


def put(harness: Harness, *values: float, series: str = "cpu.load") -> Decision:
    return harness.execute("ingest", series=series, points=points(*values))


def names(decision: Decision) -> list[str]:
    return [event.name for event in decision.events]


# Ingesting.


def test_points_are_stored_and_read_back_page_by_page(harness: Harness) -> None:
    put(harness, 1, 2)
    harness.advance(5)
    decision = put(harness, 3)
    assert names(decision) == ["series.ingested"]
    assert decision.events[0].channels == ("metrics",)
    first = harness.query("get_series", series="cpu.load", limit=2)
    second = harness.query("get_series", series="cpu.load", limit=2, after=first["next"])
    assert [point["value"] for point in first["points"] + second["points"]] == [1, 2, 3]
    assert second["points"][0]["time"] == (START + timedelta(seconds=5)).isoformat()
    assert (second["total"], second["next"]) == (3, None)


def test_points_of_one_request_are_sorted_by_time(harness: Harness) -> None:
    given_points = [
        {"time": "2025-12-31T12:00:02Z", "value": 2},
        {"time": "2025-12-31T13:00:01+01:00", "value": 1},
        {"value": 3},
    ]
    harness.execute("ingest", series="cpu", points=given_points)
    shown = harness.query("get_series", series="cpu")["points"]
    assert [point["value"] for point in shown] == [1, 2, 3]
    assert shown[0]["time"] == "2025-12-31T12:00:01+00:00"


def test_anomaly_explains_its_numbers(harness: Harness) -> None:
    put(harness, *STEADY)
    decision = put(harness, 20)
    assert names(decision) == ["series.ingested", "anomaly.detected"]
    anomaly = decision.events[1]
    assert anomaly.channels == ("anomalies",)
    assert (anomaly.data["anomaly_type"], anomaly.data["severity"]) == ("spike", "medium")
    assert anomaly.data["metrics"]["median"] == 10
    for number in ("was 20", "is 10", "deviation 1:", "6.7"):
        assert number in anomaly.data["description"]
    assert decision.answer["anomalies"] == [anomaly.data["anomaly_id"]]
    assert harness.query("get_anomalies")["anomalies"] == [anomaly.data]
    assert harness.query("get_anomalies", severity="critical")["anomalies"] == []


def test_findings_name_their_method_and_its_parameters(harness: Harness) -> None:
    put(harness, *daily(9), series="shop.visits")
    put(harness, *daily(1), 0, series="shop.visits")
    (pattern,) = harness.query("get_patterns", category="shop")["patterns"]
    assert (pattern["pattern_type"], pattern["direction"], pattern["metrics"]["period"]) == ("season", None, 12)
    assert pattern["parameters"] == {"window": 120, "cycles": 4}
    assert "repeats every 12 values" in pattern["description"]
    assert "Bartlett" in pattern["method"]
    (dip,) = harness.query("get_anomalies")["anomalies"]
    assert (dip["anomaly_type"], dip["metrics"]["period"]) == ("dip", 12)
    assert "its season of 12 values leads one to expect 18.8" in dip["description"]
    assert dip["method"].startswith("modified z-score without the season's medians")
    assert harness.replayed() == harness.state


def test_a_season_is_reported_once_and_a_change_apart_from_it(harness: Harness) -> None:
    put(harness, *daily(9), series="shop.visits")
    for place in range(108, 220, 4):
        put(harness, *daily(19)[place : place + 4], series="shop.visits")
    assert [each["pattern_type"] for each in harness.query("get_patterns")["patterns"]] == ["season"]
    put(harness, *(value + 4 for value in daily(21)[220:240]), series="shop.visits")
    changes = harness.query("get_patterns")["patterns"][1:]
    assert changes
    for pattern in changes:
        assert (pattern["direction"], pattern["metrics"]["period"]) == ("up", 12)
        assert ", apart from its season of 12 values; " in pattern["description"]


def test_the_cost_of_a_point_does_not_depend_on_the_length_of_the_series(harness: Harness) -> None:
    def cost() -> float:
        begun = process_time()
        put_point = ingest.Ingest("cpu.load", [ingest.Point(100.0)])
        for _ in range(20):
            ingest.ingest(harness.state, put_point, harness.context())
        return process_time() - begun

    noise = NormalDist(100, 5).samples(domain.MOST_POINTS - 1, seed=1)
    grow(harness, noise[:200])
    short = min(cost() for _ in range(5))
    grow(harness, noise[200:])
    assert min(cost() for _ in range(5)) < 2 * short


def grow(harness: Harness, values: list[float]) -> None:
    """Record in the log that these were ingested, without looking into them."""
    points = [{"time": START.isoformat(), "value": value} for value in values]
    data = {"series": "cpu.load", "points": points, "present": [], "closes_span": None}
    harness.state.apply(Event("series.ingested", ("metrics",), data))


def test_old_points_are_removed_and_the_numbers_go_on(harness: Harness) -> None:
    grow(harness, [float(place) for place in range(1, domain.MOST_POINTS + 1)])
    assert harness.query("get_series", series="cpu.load", limit=1)["first"] == 1
    grow(harness, [0.0])
    kept = domain.MOST_POINTS // 2
    answer = harness.query("get_series", series="cpu.load", limit=2)
    assert (answer["total"], answer["first"]) == (domain.MOST_POINTS + 1, kept + 2)
    assert [point["sequence"] for point in answer["points"]] == [kept + 2, kept + 3]
    assert answer["points"][0]["value"] == kept + 2
    rest = harness.query("get_series", series="cpu.load", limit=2, after=domain.MOST_POINTS)
    assert ([point["sequence"] for point in rest["points"]], rest["next"]) == ([domain.MOST_POINTS + 1], None)


def test_old_findings_are_removed(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MOST_FINDINGS", 4)
    put(harness, *STEADY, 30, 31, 32, 33, 34)
    assert [each["metrics"]["value"] for each in harness.query("get_anomalies")["anomalies"]] == [32, 33, 34]


def test_a_downsampled_series_keeps_its_spike(harness: Harness) -> None:
    put(harness, *[1.0] * 437, 50.0, *[1.0] * 400)
    answer = harness.query("get_series", series="cpu.load", downsample=20)
    assert (len(answer["points"]), answer["next"], answer["total"]) == (20, None, 838)
    assert 50 in [point["value"] for point in answer["points"]]
    assert len(harness.query("get_series", series="cpu.load", after=830, downsample=20)["points"]) == 8


def test_a_dip_is_distinguished_from_a_spike(harness: Harness) -> None:
    decision = put(harness, *STEADY, 0)
    assert decision.events[1].data["anomaly_type"] == "dip"


def test_series_are_judged_independently(harness: Harness) -> None:
    put(harness, *STEADY)
    assert names(put(harness, 20, series="disk.load")) == ["series.ingested"]


def test_a_pattern_is_reported_once_until_it_ends(harness: Harness) -> None:
    rising = put(harness, *range(20))
    patterns = [event for event in rising.events if event.name == "pattern.detected"]
    assert {event.data["pattern_type"] for event in patterns} == {"trend", "level_shift"}
    for event in patterns:
        assert event.channels == ("patterns:cpu",)
        assert event.data["category"] == "cpu"
        assert event.data["direction"] == "up"
        assert 0.999 <= event.data["confidence"] <= 1
        assert "cpu.load" in event.data["description"]
    assert "pattern.detected" not in names(put(harness, 20, 21))
    falling = put(harness, *range(21, -60, -1))
    assert {event.data["direction"] for event in falling.events if event.name == "pattern.detected"} == {"down"}
    listed = harness.query("get_patterns", category="cpu")["patterns"]
    assert [(pattern["pattern_type"], pattern["direction"]) for pattern in listed] == [
        *(("trend", "up"), ("level_shift", "up")),
        *(("trend", "down"), ("level_shift", "down"), ("drift", "down")),
    ]
    assert harness.query("get_patterns", category="disk")["patterns"] == []


def test_sustained_anomalies_become_one_insight(harness: Harness) -> None:
    put(harness, *STEADY)
    insights = [names(put(harness, 30)).count("insight.generated") for _ in range(4)]
    assert insights == [0, 0, 1, 0]
    (insight,) = [event for event in harness.log if event.name == "insight.generated"]
    assert insight.channels == ("insights",)
    assert insight.data["insight_type"] == "sustained_anomalies"
    assert insight.data["data"]["anomalies"] == 3


@pytest.mark.parametrize(("between", "insights"), [(17, 1), (18, 0)])
def test_sustained_anomalies_are_of_the_last_twenty_values(harness: Harness, between: int, insights: int) -> None:
    decision = put(harness, *STEADY, 30, *(STEADY * 2)[:between], 30, 30)
    assert names(decision).count("anomaly.detected") == 3
    assert names(decision).count("insight.generated") == insights


def test_anomalies_are_listed_page_by_page(harness: Harness) -> None:
    put(harness, *STEADY, 30, 31, 32)
    first = harness.query("get_anomalies", limit=2)
    second = harness.query("get_anomalies", limit=2, after=first["next"])
    assert [anomaly["metrics"]["value"] for anomaly in first["anomalies"] + second["anomalies"]] == [30, 31, 32]
    assert second["next"] is None


@given(st.lists(st.lists(numbers, min_size=1, max_size=30), max_size=5))
def test_replaying_the_log_gives_the_same_state(batches: list[list[float]]) -> None:
    harness = Harness(SERVICE)
    for batch in batches:
        harness.advance(1)
        put(harness, *batch)
        harness.execute("aggregate", series="cpu.load")
    assert harness.replayed() == harness.state
    assert harness.state.series == {} or harness.state.series["cpu.load"].values == list(chain(*batches))


@pytest.mark.parametrize(
    "data",
    [
        {"series": "cpu", "points": []},
        {"series": "cpu", "points": [{"value": "1"}]},
        {"series": "cpu", "points": [{"value": 1e16}]},
        {"series": "cpu", "points": [{"value": 1, "time": "2026-01-01T00:00:00"}]},
        {"series": "cpu", "points": [{"value": 1, "time": "9999-12-31T23:59:59-01:00"}]},
        {"series": "cpu", "points": [{"value": 1, "time": "0001-01-01T00:00:00+01:00"}]},
        {"series": "cpu", "points": [{"value": 1}] * 1001},
        {"series": ".cpu", "points": [{"value": 1}]},
        {"series": "cpu load", "points": [{"value": 1}]},
        {"points": [{"value": 1}]},
    ],
)
def test_malformed_points_are_refused(harness: Harness, data: dict[str, Any]) -> None:
    with pytest.raises(InvalidData):
        harness.execute("ingest", **data)


# Aggregating.


@given(st.lists(numbers, min_size=1, max_size=60))
def test_an_aggregation_computes_all_its_functions(values: list[float]) -> None:
    harness = Harness(SERVICE)
    put(harness, *values)
    completed = harness.execute("aggregate", series="cpu.load").events[0]
    assert (completed.name, completed.channels) == ("aggregation.completed", ("metrics",))
    assert completed.data["record_count"] == len(values)
    summary = completed.data["summary"]
    assert (summary["count"], summary["min"], summary["max"]) == (len(values), min(values), max(values))
    assert summary["mean"] == pytest.approx(mean(values))
    assert summary["median"] == median(values)
    assert summary["median"] <= summary["p95"] <= summary["max"]


def test_p95_lies_between_its_neighbours(harness: Harness) -> None:
    put(harness, *range(101))
    decision = harness.execute("aggregate", series="cpu.load", functions=["p95"])
    assert decision.answer["summary"] == {"p95": 95}
    assert decision.answer["aggregation_type"] == "p95"


def test_a_window_has_only_the_last_seconds(harness: Harness) -> None:
    put(harness, 1, 1)
    harness.advance(60)
    put(harness, 5)
    assert harness.execute("aggregate", series="cpu.load", window=30).answer["summary"]["max"] == 5
    assert harness.execute("aggregate", series="cpu.load", window=30).answer["record_count"] == 1
    assert harness.execute("aggregate", series="cpu.load").answer["record_count"] == 3


def test_a_changed_median_becomes_an_insight(harness: Harness) -> None:
    put(harness, *STEADY)
    assert names(harness.execute("aggregate", series="cpu.load", window=30)) == ["aggregation.completed"]
    assert names(harness.execute("aggregate", series="cpu.load", window=30)) == ["aggregation.completed"]
    harness.advance(60)
    put(harness, *(value * 2 for value in STEADY))
    _, insight = harness.execute("aggregate", series="cpu.load", window=30).events
    assert (insight.name, insight.data["insight_type"]) == ("insight.generated", "median_change")
    assert insight.data["title"] == "cpu.load has risen by 100%"
    assert (insight.data["data"]["before"], insight.data["data"]["after"]) == (10, 20)


def test_a_median_near_zero_has_no_notable_change(harness: Harness) -> None:
    """It had fallen by thousands of percent."""
    around = [value - 10.0 for value in STEADY]
    put(harness, *around, 0.001)
    harness.execute("aggregate", series="cpu.load", window=30)
    harness.advance(60)
    put(harness, *around, -0.01, -0.02, -0.03)
    assert names(harness.execute("aggregate", series="cpu.load", window=30)) == ["aggregation.completed"]
    put(harness, *[1e-17] * 10, series="rest")
    harness.execute("aggregate", series="rest", window=30)
    harness.advance(60)
    put(harness, *[2e-17] * 10, series="rest")
    assert names(harness.execute("aggregate", series="rest", window=30)) == ["aggregation.completed"]


def test_medians_of_few_values_are_not_compared(harness: Harness) -> None:
    put(harness, 1)
    harness.execute("aggregate", series="cpu.load")
    put(harness, 9, 9, 9)
    assert names(harness.execute("aggregate", series="cpu.load")) == ["aggregation.completed"]


def test_unknown_names_are_not_found(harness: Harness) -> None:
    put(harness, 1)
    harness.advance(60)
    calls: dict[str, Callable[[], object]] = {
        "series": lambda: harness.execute("aggregate", series="disk"),
        "window": lambda: harness.execute("aggregate", series="cpu.load", window=30),
        "after": lambda: harness.query("get_anomalies", after="unheard-of"),
    }
    for field, call in calls.items():
        with pytest.raises(NotFound) as refusal:
            call()
        assert refusal.value.data["field"] == field
    with pytest.raises(NotFound):
        harness.query("get_series", series="disk")


@pytest.mark.parametrize("wrong", [{"window": 0}, {"window": -1}, {"functions": ["mode"]}])
def test_malformed_aggregation_is_refused(harness: Harness, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidData):
        harness.execute("aggregate", series="cpu", **wrong)


# The bridges.


def values(harness: Harness, series: str) -> list[float]:
    return [point["value"] for point in harness.query("get_series", series=series)["points"]]


def test_a_workflow_is_measured_from_start_to_completion(harness: Harness) -> None:
    harness.react("mahavishnu", "workflow.started", workflow_id="w1", adapter="local", prompt="", total_stages=1)
    harness.react("mahavishnu", "workflow.started", workflow_id="w2", adapter="local", prompt="", total_stages=1)
    harness.advance(12.5)
    harness.react("mahavishnu", "workflow.stage_completed", workflow_id="w1", stage_name="s", result=None)
    harness.react("mahavishnu", "workflow.completed", workflow_id="w1", result=None)
    harness.advance(7.5)
    harness.react("mahavishnu", "workflow.completed", workflow_id="w2", result=None)
    assert values(harness, "mahavishnu.workflow.duration_seconds") == [12.5, 20]
    assert values(harness, "mahavishnu.workflow.failures") == [0, 0]
    assert harness.state.spans == {}
    assert harness.replayed() == harness.state


def test_a_failed_workflow_counts_as_a_failure_only(harness: Harness) -> None:
    harness.react("mahavishnu", "workflow.started", workflow_id="w1")
    harness.react("mahavishnu", "workflow.failed", workflow_id="w1", error="out of memory")
    assert values(harness, "mahavishnu.workflow.failures") == [1]
    assert "mahavishnu.workflow.duration_seconds" not in harness.state.series
    assert harness.state.spans == {}


def test_a_workflow_whose_start_was_not_received_has_no_duration(harness: Harness) -> None:
    harness.react("mahavishnu", "workflow.completed", workflow_id="w1", result=None)
    assert list(harness.state.series) == ["mahavishnu.workflow.failures"]


def test_test_runs_and_coverage_are_measured(harness: Harness) -> None:
    harness.react("crackerjack", "test.completed", run_id="r", tests_completed=10, tests_failed=2, duration_seconds=3.5)
    harness.react("crackerjack", "coverage.updated", project="my project", line_coverage=87.5)
    assert values(harness, "crackerjack.test.duration_seconds") == [3.5]
    assert values(harness, "crackerjack.test.failures") == [2]
    assert values(harness, "crackerjack.coverage.my_project") == [87.5]


def test_slow_workflow_is_an_anomaly(harness: Harness) -> None:
    for place, seconds in enumerate([*STEADY, 60.0]):
        harness.react("mahavishnu", "workflow.started", workflow_id=f"w{place}")
        harness.advance(seconds)
        harness.react("mahavishnu", "workflow.completed", workflow_id=f"w{place}")
    (anomaly,) = harness.query("get_anomalies")["anomalies"]
    assert anomaly["series"] == "mahavishnu.workflow.duration_seconds"
    assert anomaly["severity"] == "critical"


@pytest.mark.parametrize(
    ("source", "name", "data"),
    [
        ("mahavishnu", "team.created", {"team_id": "a", "workflow_id": "w"}),
        ("mahavishnu", "workflow.completed", {"result": 1}),
        ("crackerjack", "test.started", {"run_id": "r"}),
        ("crackerjack", "test.completed", {"run_id": "r", "duration_seconds": "long", "tests_failed": 0}),
        ("crackerjack", "coverage.updated", {"project": "p", "line_coverage": None}),
    ],
)
def test_other_events_change_nothing(harness: Harness, source: str, name: str, data: dict[str, Any]) -> None:
    assert harness.react(source, name, **data).events == ()
