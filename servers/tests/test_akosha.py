"""Analytics: what is found in a series is what its numbers hold, and it is said once."""

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
from bodhisattva.servers.tests.bench import START, Bench

STEADY = [10.0, 11.0, 9.0, 10.0, 12.0, 10.0, 9.0, 11.0, 10.0, 10.0]
numbers = st.integers(-1000, 1000).map(float)


# Visitors by the hour, of half a day.
HOURS = [20.0, 21, 22, 24, 30, 45, 60, 58, 50, 40, 30, 24]


def daily(days: int) -> list[float]:
    noise = NormalDist(0, 1).samples(days * len(HOURS), seed=5)
    return [HOURS[place % len(HOURS)] + each for place, each in enumerate(noise)]


@pytest.fixture
def bench() -> Bench:
    return Bench(SERVICE)


def points(*values: float) -> list[dict[str, Any]]:
    return [{"value": value} for value in values]


def put(bench: Bench, *values: float, series: str = "cpu.load") -> Decision:
    return bench.do("ingest", series=series, points=points(*values))


def names(decision: Decision) -> list[str]:
    return [event.name for event in decision.events]


# Ingesting.


def test_points_are_stored_and_read_back_page_by_page(bench: Bench) -> None:
    put(bench, 1, 2)
    bench.wait(5)
    decision = put(bench, 3)
    assert names(decision) == ["series.ingested"]
    assert decision.events[0].channels == ("metrics",)
    first = bench.ask("get_series", series="cpu.load", limit=2)
    second = bench.ask("get_series", series="cpu.load", limit=2, after=first["next"])
    assert [point["value"] for point in first["points"] + second["points"]] == [1, 2, 3]
    assert second["points"][0]["time"] == (START + timedelta(seconds=5)).isoformat()
    assert (second["total"], second["next"]) == (3, None)


def test_points_of_one_request_are_taken_in_order_of_time(bench: Bench) -> None:
    given_points = [
        {"time": "2025-12-31T12:00:02Z", "value": 2},
        {"time": "2025-12-31T13:00:01+01:00", "value": 1},
        {"value": 3},
    ]
    bench.do("ingest", series="cpu", points=given_points)
    shown = bench.ask("get_series", series="cpu")["points"]
    assert [point["value"] for point in shown] == [1, 2, 3]
    assert shown[0]["time"] == "2025-12-31T12:00:01+00:00"


def test_anomaly_explains_its_numbers(bench: Bench) -> None:
    put(bench, *STEADY)
    decision = put(bench, 20)
    assert names(decision) == ["series.ingested", "anomaly.detected"]
    anomaly = decision.events[1]
    assert anomaly.channels == ("anomalies",)
    assert (anomaly.data["anomaly_type"], anomaly.data["severity"]) == ("spike", "medium")
    assert anomaly.data["metrics"]["median"] == 10
    for number in ("was 20", "is 10", "deviation 1:", "6.7"):
        assert number in anomaly.data["description"]
    assert decision.answer["anomalies"] == [anomaly.data["anomaly_id"]]
    assert bench.ask("get_anomalies")["anomalies"] == [anomaly.data]
    assert bench.ask("get_anomalies", severity="critical")["anomalies"] == []


def test_findings_name_their_method_and_its_parameters(bench: Bench) -> None:
    put(bench, *daily(9), series="shop.visits")
    put(bench, *daily(1), 0, series="shop.visits")
    (told,) = bench.ask("get_patterns", category="shop")["patterns"]
    assert (told["pattern_type"], told["direction"], told["metrics"]["period"]) == ("season", None, 12)
    assert told["parameters"] == {"window": 120, "cycles": 4}
    assert "repeats every 12 values" in told["description"]
    assert "Bartlett" in told["method"]
    (dip,) = bench.ask("get_anomalies")["anomalies"]
    assert (dip["anomaly_type"], dip["metrics"]["period"]) == ("dip", 12)
    assert "its season of 12 values leads one to expect 18.8" in dip["description"]
    assert dip["method"].startswith("modified z-score without the season's medians")
    assert bench.replayed() == bench.state


def test_a_season_is_told_once_and_a_change_is_told_apart_from_it(bench: Bench) -> None:
    put(bench, *daily(9), series="shop.visits")
    for place in range(108, 220, 4):
        put(bench, *daily(19)[place : place + 4], series="shop.visits")
    assert [each["pattern_type"] for each in bench.ask("get_patterns")["patterns"]] == ["season"]
    put(bench, *(value + 4 for value in daily(21)[220:240]), series="shop.visits")
    changes = bench.ask("get_patterns")["patterns"][1:]
    assert changes
    for told in changes:
        assert (told["direction"], told["metrics"]["period"]) == ("up", 12)
        assert ", apart from its season of 12 values; " in told["description"]


def test_one_more_point_costs_the_same_however_long_the_series(bench: Bench) -> None:
    def cost() -> float:
        begun = process_time()
        put_point = ingest.Ingest("cpu.load", [ingest.Point(100.0)])
        for _ in range(20):
            ingest.ingest(bench.state, put_point, bench.context())
        return process_time() - begun

    noise = NormalDist(100, 5).samples(domain.MOST_POINTS - 1, seed=1)
    grow(bench, noise[:200])
    short = min(cost() for _ in range(5))
    grow(bench, noise[200:])
    assert min(cost() for _ in range(5)) < 2 * short


def grow(bench: Bench, values: list[float]) -> None:
    """Let the log say that these were ingested, without looking into them."""
    points = [{"time": START.isoformat(), "value": value} for value in values]
    data = {"series": "cpu.load", "points": points, "present": [], "closes_span": None}
    bench.state.apply(Event("series.ingested", ("metrics",), data))


def test_old_points_are_let_go_of_and_the_numbers_go_on(bench: Bench) -> None:
    grow(bench, [float(place) for place in range(1, domain.MOST_POINTS + 1)])
    assert bench.ask("get_series", series="cpu.load", limit=1)["first"] == 1
    grow(bench, [0.0])
    kept = domain.MOST_POINTS // 2
    answer = bench.ask("get_series", series="cpu.load", limit=2)
    assert (answer["total"], answer["first"]) == (domain.MOST_POINTS + 1, kept + 2)
    assert [point["sequence"] for point in answer["points"]] == [kept + 2, kept + 3]
    assert answer["points"][0]["value"] == kept + 2
    rest = bench.ask("get_series", series="cpu.load", limit=2, after=domain.MOST_POINTS)
    assert ([point["sequence"] for point in rest["points"]], rest["next"]) == ([domain.MOST_POINTS + 1], None)


def test_old_findings_are_let_go_of(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MOST_FINDINGS", 4)
    put(bench, *STEADY, 30, 31, 32, 33, 34)
    assert [each["metrics"]["value"] for each in bench.ask("get_anomalies")["anomalies"]] == [32, 33, 34]


def test_downsampled_series_keeps_its_spike(bench: Bench) -> None:
    put(bench, *[1.0] * 437, 50.0, *[1.0] * 400)
    answer = bench.ask("get_series", series="cpu.load", downsample=20)
    assert (len(answer["points"]), answer["next"], answer["total"]) == (20, None, 838)
    assert 50 in [point["value"] for point in answer["points"]]
    assert len(bench.ask("get_series", series="cpu.load", after=830, downsample=20)["points"]) == 8


def test_dip_is_told_from_a_spike(bench: Bench) -> None:
    decision = put(bench, *STEADY, 0)
    assert decision.events[1].data["anomaly_type"] == "dip"


def test_series_are_judged_apart(bench: Bench) -> None:
    put(bench, *STEADY)
    assert names(put(bench, 20, series="disk.load")) == ["series.ingested"]


def test_pattern_is_told_once_until_it_goes(bench: Bench) -> None:
    rising = put(bench, *range(20))
    patterns = [event for event in rising.events if event.name == "pattern.detected"]
    assert {event.data["pattern_type"] for event in patterns} == {"trend", "level_shift"}
    for event in patterns:
        assert event.channels == ("patterns:cpu",)
        assert event.data["category"] == "cpu"
        assert event.data["direction"] == "up"
        assert 0.999 <= event.data["confidence"] <= 1
        assert "cpu.load" in event.data["description"]
    assert "pattern.detected" not in names(put(bench, 20, 21))
    falling = put(bench, *range(21, -60, -1))
    assert {event.data["direction"] for event in falling.events if event.name == "pattern.detected"} == {"down"}
    listed = bench.ask("get_patterns", category="cpu")["patterns"]
    assert [(pattern["pattern_type"], pattern["direction"]) for pattern in listed] == [
        *(("trend", "up"), ("level_shift", "up")),
        *(("trend", "down"), ("level_shift", "down"), ("drift", "down")),
    ]
    assert bench.ask("get_patterns", category="disk")["patterns"] == []


def test_sustained_anomalies_become_one_insight(bench: Bench) -> None:
    put(bench, *STEADY)
    told = [names(put(bench, 30)).count("insight.generated") for _ in range(4)]
    assert told == [0, 0, 1, 0]
    (insight,) = [event for event in bench.log if event.name == "insight.generated"]
    assert insight.channels == ("insights",)
    assert insight.data["insight_type"] == "sustained_anomalies"
    assert insight.data["data"]["anomalies"] == 3


@pytest.mark.parametrize(("between", "insights"), [(17, 1), (18, 0)])
def test_only_the_last_twenty_values_sustain(bench: Bench, between: int, insights: int) -> None:
    decision = put(bench, *STEADY, 30, *(STEADY * 2)[:between], 30, 30)
    assert names(decision).count("anomaly.detected") == 3
    assert names(decision).count("insight.generated") == insights


def test_anomalies_page(bench: Bench) -> None:
    put(bench, *STEADY, 30, 31, 32)
    first = bench.ask("get_anomalies", limit=2)
    second = bench.ask("get_anomalies", limit=2, after=first["next"])
    assert [anomaly["metrics"]["value"] for anomaly in first["anomalies"] + second["anomalies"]] == [30, 31, 32]
    assert second["next"] is None


@given(st.lists(st.lists(numbers, min_size=1, max_size=30), max_size=5))
def test_replay_equals_live(batches: list[list[float]]) -> None:
    bench = Bench(SERVICE)
    for batch in batches:
        bench.wait(1)
        put(bench, *batch)
        bench.do("aggregate", series="cpu.load")
    assert bench.replayed() == bench.state
    assert bench.state.series == {} or bench.state.series["cpu.load"].values == list(chain(*batches))


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
def test_malformed_points_are_refused(bench: Bench, data: dict[str, Any]) -> None:
    with pytest.raises(InvalidData):
        bench.do("ingest", **data)


# Aggregating.


@given(st.lists(numbers, min_size=1, max_size=60))
def test_aggregation_sums_the_series_up(values: list[float]) -> None:
    bench = Bench(SERVICE)
    put(bench, *values)
    completed = bench.do("aggregate", series="cpu.load").events[0]
    assert (completed.name, completed.channels) == ("aggregation.completed", ("metrics",))
    assert completed.data["record_count"] == len(values)
    summary = completed.data["summary"]
    assert (summary["count"], summary["min"], summary["max"]) == (len(values), min(values), max(values))
    assert summary["mean"] == pytest.approx(mean(values))
    assert summary["median"] == median(values)
    assert summary["median"] <= summary["p95"] <= summary["max"]


def test_p95_lies_between_its_neighbours(bench: Bench) -> None:
    put(bench, *range(101))
    decision = bench.do("aggregate", series="cpu.load", functions=["p95"])
    assert decision.answer["summary"] == {"p95": 95}
    assert decision.answer["aggregation_type"] == "p95"


def test_window_takes_only_the_last_seconds(bench: Bench) -> None:
    put(bench, 1, 1)
    bench.wait(60)
    put(bench, 5)
    assert bench.do("aggregate", series="cpu.load", window=30).answer["summary"]["max"] == 5
    assert bench.do("aggregate", series="cpu.load", window=30).answer["record_count"] == 1
    assert bench.do("aggregate", series="cpu.load").answer["record_count"] == 3


def test_moved_median_becomes_an_insight(bench: Bench) -> None:
    put(bench, *STEADY)
    assert names(bench.do("aggregate", series="cpu.load", window=30)) == ["aggregation.completed"]
    assert names(bench.do("aggregate", series="cpu.load", window=30)) == ["aggregation.completed"]
    bench.wait(60)
    put(bench, *(value * 2 for value in STEADY))
    _, insight = bench.do("aggregate", series="cpu.load", window=30).events
    assert (insight.name, insight.data["insight_type"]) == ("insight.generated", "median_change")
    assert insight.data["title"] == "cpu.load has risen by 100%"
    assert (insight.data["data"]["before"], insight.data["data"]["after"]) == (10, 20)


def test_median_near_nothing_has_no_notable_change(bench: Bench) -> None:
    """It had fallen by thousands of percent."""
    around = [value - 10.0 for value in STEADY]
    put(bench, *around, 0.001)
    bench.do("aggregate", series="cpu.load", window=30)
    bench.wait(60)
    put(bench, *around, -0.01, -0.02, -0.03)
    assert names(bench.do("aggregate", series="cpu.load", window=30)) == ["aggregation.completed"]
    put(bench, *[1e-17] * 10, series="rest")
    bench.do("aggregate", series="rest", window=30)
    bench.wait(60)
    put(bench, *[2e-17] * 10, series="rest")
    assert names(bench.do("aggregate", series="rest", window=30)) == ["aggregation.completed"]


def test_medians_of_few_values_are_not_compared(bench: Bench) -> None:
    put(bench, 1)
    bench.do("aggregate", series="cpu.load")
    put(bench, 9, 9, 9)
    assert names(bench.do("aggregate", series="cpu.load")) == ["aggregation.completed"]


def test_unknown_names_are_not_found(bench: Bench) -> None:
    put(bench, 1)
    bench.wait(60)
    calls: dict[str, Callable[[], object]] = {
        "series": lambda: bench.do("aggregate", series="disk"),
        "window": lambda: bench.do("aggregate", series="cpu.load", window=30),
        "after": lambda: bench.ask("get_anomalies", after="unheard-of"),
    }
    for field, call in calls.items():
        with pytest.raises(NotFound) as refusal:
            call()
        assert refusal.value.data["field"] == field
    with pytest.raises(NotFound):
        bench.ask("get_series", series="disk")


@pytest.mark.parametrize("wrong", [{"window": 0}, {"window": -1}, {"functions": ["mode"]}])
def test_malformed_aggregation_is_refused(bench: Bench, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidData):
        bench.do("aggregate", series="cpu", **wrong)


# The bridges.


def values(bench: Bench, series: str) -> list[float]:
    return [point["value"] for point in bench.ask("get_series", series=series)["points"]]


def test_workflow_is_measured_from_start_to_completion(bench: Bench) -> None:
    bench.hear("mahavishnu", "workflow.started", workflow_id="w1", adapter="local", prompt="", total_stages=1)
    bench.hear("mahavishnu", "workflow.started", workflow_id="w2", adapter="local", prompt="", total_stages=1)
    bench.wait(12.5)
    bench.hear("mahavishnu", "workflow.stage_completed", workflow_id="w1", stage_name="s", result=None)
    bench.hear("mahavishnu", "workflow.completed", workflow_id="w1", result=None)
    bench.wait(7.5)
    bench.hear("mahavishnu", "workflow.completed", workflow_id="w2", result=None)
    assert values(bench, "mahavishnu.workflow.duration_seconds") == [12.5, 20]
    assert values(bench, "mahavishnu.workflow.failures") == [0, 0]
    assert bench.state.spans == {}
    assert bench.replayed() == bench.state


def test_failed_workflow_counts_as_failure_only(bench: Bench) -> None:
    bench.hear("mahavishnu", "workflow.started", workflow_id="w1")
    bench.hear("mahavishnu", "workflow.failed", workflow_id="w1", error="out of memory")
    assert values(bench, "mahavishnu.workflow.failures") == [1]
    assert "mahavishnu.workflow.duration_seconds" not in bench.state.series
    assert bench.state.spans == {}


def test_workflow_whose_start_was_not_heard_has_no_duration(bench: Bench) -> None:
    bench.hear("mahavishnu", "workflow.completed", workflow_id="w1", result=None)
    assert list(bench.state.series) == ["mahavishnu.workflow.failures"]


def test_test_runs_and_coverage_are_measured(bench: Bench) -> None:
    bench.hear("crackerjack", "test.completed", run_id="r", tests_completed=10, tests_failed=2, duration_seconds=3.5)
    bench.hear("crackerjack", "coverage.updated", project="my project", line_coverage=87.5)
    assert values(bench, "crackerjack.test.duration_seconds") == [3.5]
    assert values(bench, "crackerjack.test.failures") == [2]
    assert values(bench, "crackerjack.coverage.my_project") == [87.5]


def test_slow_workflow_is_an_anomaly(bench: Bench) -> None:
    for place, seconds in enumerate([*STEADY, 60.0]):
        bench.hear("mahavishnu", "workflow.started", workflow_id=f"w{place}")
        bench.wait(seconds)
        bench.hear("mahavishnu", "workflow.completed", workflow_id=f"w{place}")
    (anomaly,) = bench.ask("get_anomalies")["anomalies"]
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
def test_other_foreign_events_change_nothing(bench: Bench, source: str, name: str, data: dict[str, Any]) -> None:
    assert bench.hear(source, name, **data).events == ()
