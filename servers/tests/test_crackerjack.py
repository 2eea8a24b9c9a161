"""Test runs are counted, coverage is kept, and a gate passes only on a measurement."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import Conflict, InvalidData, NotFound
from bodhisattva.servers.crackerjack.service import SERVICE
from bodhisattva.servers.tests.harness import Harness, Script, command


@pytest.fixture
def harness() -> Harness:
    return Harness(SERVICE)


def start(harness: Harness, total: int, run_id: str = "r", **more: Any) -> None:
    harness.execute("start_test_run", run_id=run_id, test_suite="unit", total_tests=total, **more)


def record(harness: Harness, *outcomes: str, run_id: str = "r") -> None:
    for number, outcome in enumerate(outcomes):
        error = {"error": "1 != 2", "traceback": "at line 3"} if outcome == "failed" else {}
        harness.execute("record_test_result", run_id=run_id, test_name=f"test_{number}", outcome=outcome, **error)


# Test runs


def test_a_run_is_counted_and_timed(harness: Harness) -> None:
    start(harness, 4)
    record(harness, "passed", "failed", "skipped")
    assert harness.query("get_test_status", run_id="r")["status"] == "running"
    harness.advance(12.5)
    (event,) = harness.execute("complete_test_run", run_id="r").events
    assert (event.name, event.channels) == ("test.completed", ("test:r",))
    assert (event.data["tests_completed"], event.data["tests_failed"]) == (3, 1)
    assert event.data["duration_seconds"] == 12.5
    status = harness.query("get_test_status", run_id="r")
    assert (status["status"], status["total_tests"], status["tests_passed"]) == ("completed", 4, 1)
    assert status["failures"] == [{"test_name": "test_1", "error": "1 != 2"}]


def test_the_event_of_a_failed_test_has_its_traceback(harness: Harness) -> None:
    start(harness, 1)
    record(harness, "failed")
    failed = harness.log[-1]
    assert failed.name == "test.failed"
    assert (failed.data["error"], failed.data["traceback"]) == ("1 != 2", "at line 3")


def test_run_commands_are_refused(harness: Harness) -> None:
    start(harness, 2)
    result = {"run_id": "r", "test_name": "test_0", "outcome": "passed"}
    harness.refused(Conflict, "start_test_run", run_id="r", test_suite="unit", total_tests=1)
    harness.refused(InvalidData, "start_test_run", test_suite="unit", total_tests=0)
    harness.refused(InvalidData, "start_test_run", run_id="with space", test_suite="unit", total_tests=1)
    harness.refused(InvalidData, "record_test_result", **(result | {"outcome": "odd"}))
    harness.refused(InvalidData, "record_test_result", **(result | {"outcome": "failed"}))
    harness.refused(NotFound, "record_test_result", **(result | {"run_id": "x"}))
    harness.refused(NotFound, "complete_test_run", run_id="x")
    harness.execute("record_test_result", **result)
    harness.refused(Conflict, "record_test_result", **result)
    harness.execute("record_test_result", **(result | {"test_name": "test_1"}))
    harness.refused(Conflict, "record_test_result", **(result | {"test_name": "one too many"}))
    harness.execute("complete_test_run", run_id="r")
    harness.refused(Conflict, "record_test_result", **(result | {"test_name": "too late"}))
    assert harness.refused(Conflict, "complete_test_run", run_id="r").data["status"] == "completed"


def test_runs_are_listed_page_by_page(harness: Harness) -> None:
    for run_id in ("a", "b", "c"):
        start(harness, 1, run_id, project="atlas")
    start(harness, 1, "d")
    harness.execute("complete_test_run", run_id="b")
    first = harness.query("list_test_runs", project="atlas", limit=2)
    assert ([run["run_id"] for run in first["runs"]], first["next"]) == (["a", "b"], "b")
    rest = harness.query("list_test_runs", project="atlas", after=first["next"])
    assert ([run["run_id"] for run in rest["runs"]], rest["next"]) == (["c"], None)
    completed = harness.query("list_test_runs", status="completed")["runs"]
    assert [run["run_id"] for run in completed] == ["b"]


class Unread(dict[str, Any]):
    """Results that are not to be gone through."""

    def values(self) -> Any:
        raise AssertionError("each result was looked at")


def test_a_list_of_runs_does_not_count_their_results_again(harness: Harness) -> None:
    """A thousand runs of five thousand tests held up everybody for two seconds."""
    start(harness, 4, project="atlas")
    record(harness, "passed", "failed", "passed", "skipped")
    harness.execute("complete_test_run", run_id="r")
    run = harness.state.runs["r"]
    run.results = harness.state.latest_runs["atlas"].results = Unread(run.results)
    (listed,) = harness.query("list_test_runs")["runs"]
    assert [listed[f"tests_{what}"] for what in ("completed", "passed", "failed", "skipped")] == [4, 2, 1, 1]
    gate = harness.execute("check_quality_gate", project="atlas", gate_name="test_pass_rate", threshold=50).answer
    assert gate["score"] == pytest.approx(200 / 3)


def test_a_run_in_a_snapshot_of_an_earlier_release_is_counted(harness: Harness) -> None:
    start(harness, 3)
    record(harness, "passed", "failed")
    harness.state.runs["r"].tally = None
    harness.execute("record_test_result", run_id="r", test_name="last", outcome="passed")
    status = harness.query("get_test_status", run_id="r")
    assert (status["tests_passed"], status["tests_failed"]) == (2, 1)


# Quality


def test_coverage_is_kept_as_measured(harness: Harness) -> None:
    (event,) = harness.execute("record_coverage", project="atlas", line_coverage=91.5, branch_coverage=80).events
    assert (event.name, event.channels) == ("coverage.updated", ("quality:atlas", "coverage"))
    coverage = harness.query("get_coverage", project="atlas")
    assert (coverage["line_coverage"], coverage["branch_coverage"]) == (91.5, 80.0)
    assert coverage["path_coverage"] is None


@pytest.mark.parametrize("gate", ["line_coverage", "branch_coverage", "path_coverage", "test_pass_rate"])
def test_an_unmeasured_gate_never_passes(harness: Harness, gate: str) -> None:
    harness.refused(NotFound, "check_quality_gate", project="atlas", gate_name=gate, threshold=0)
    with pytest.raises(NotFound):
        harness.query("get_quality_gate", project="atlas")


def test_a_gate_whose_part_was_not_measured_is_not_found(harness: Harness) -> None:
    harness.execute("record_coverage", project="atlas", line_coverage=90)
    start(harness, 1, project="atlas")
    record(harness, "passed")
    for gate in ("branch_coverage", "path_coverage", "test_pass_rate"):
        harness.refused(NotFound, "check_quality_gate", project="atlas", gate_name=gate, threshold=0)
    harness.execute("check_quality_gate", project="atlas", gate_name="line_coverage", threshold=0)
    with pytest.raises(NotFound):
        harness.query("get_quality_gate", project="atlas", gate_name="branch_coverage")


@pytest.mark.parametrize(("threshold", "status"), [(80, "passed"), (80.01, "failed")])
def test_a_gate_passes_from_its_threshold_on(harness: Harness, threshold: float, status: str) -> None:
    harness.execute("record_coverage", project="atlas", line_coverage=80)
    gate = {"project": "atlas", "gate_name": "line_coverage", "threshold": threshold}
    (event,) = harness.execute("check_quality_gate", **gate).events
    assert event.name == "quality_gate.checked"
    assert event.channels == ("quality:atlas", "coverage")
    assert (event.data["status"], event.data["score"]) == (status, 80.0)
    assert harness.query("get_quality_gate", project="atlas", gate_name="line_coverage")["status"] == status


def test_the_gate_with_the_least_margin_decides(harness: Harness) -> None:
    harness.execute("record_coverage", project="atlas", line_coverage=95, branch_coverage=70)
    for gate, threshold in (("branch_coverage", 75), ("line_coverage", 90)):
        harness.execute("check_quality_gate", project="atlas", gate_name=gate, threshold=threshold)
    answer = harness.query("get_quality_gate", project="atlas")
    assert (answer["gate_name"], answer["status"]) == ("branch_coverage", "failed")
    assert [gate["status"] for gate in answer["gates"]] == ["failed", "passed"]


@pytest.mark.parametrize(
    ("total", "outcomes", "score"),
    [
        (2, ["passed", "passed"], 100.0),
        (4, ["passed", "failed"], 25.0),
        (3, ["passed", "skipped", "failed"], 50.0),
        (1, [], 0.0),
    ],
)
def test_the_pass_rate_counts_missing_results_against_a_run(
    harness: Harness, total: int, outcomes: list[str], score: float
) -> None:
    start(harness, total, project="atlas")
    record(harness, *outcomes)
    harness.execute("complete_test_run", run_id="r")
    gate = {"project": "atlas", "gate_name": "test_pass_rate", "threshold": 100}
    assert harness.execute("check_quality_gate", **gate).answer["score"] == score


def test_a_run_that_only_skipped_measures_nothing(harness: Harness) -> None:
    start(harness, 1, project="atlas")
    record(harness, "skipped")
    harness.execute("complete_test_run", run_id="r")
    gate = {"project": "atlas", "gate_name": "test_pass_rate", "threshold": 0}
    harness.refused(NotFound, "check_quality_gate", **gate)


@pytest.mark.parametrize(
    ("command", "data"),
    [
        ("record_coverage", {"project": "atlas", "line_coverage": 101}),
        ("record_coverage", {"project": "atlas"}),
        ("record_coverage", {"project": "not a channel", "line_coverage": 50}),
        ("check_quality_gate", {"project": "atlas", "gate_name": "vibes", "threshold": 50}),
        ("check_quality_gate", {"project": "atlas", "gate_name": "line_coverage", "threshold": -1}),
    ],
)
def test_invalid_percentages_are_refused(harness: Harness, command: str, data: dict[str, Any]) -> None:
    harness.refused(InvalidData, command, **data)


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("get_test_status", {"run_id": "x"}),
        ("get_quality_gate", {"project": "x"}),
        ("get_coverage", {"project": "x"}),
    ],
)
def test_unknown_names_are_not_found(harness: Harness, query: str, data: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        harness.query(query, **data)


# Whatever is done, in whatever order

ids = st.sampled_from("ab")
percent = st.sampled_from([0, 12.5, 100])


gates = st.sampled_from(["line_coverage", "branch_coverage", "test_pass_rate"])
outcomes = st.sampled_from(["passed", "failed", "skipped"])
commands = st.one_of(
    command("start_test_run", run_id=ids, test_suite=ids, total_tests=st.integers(1, 3), project=ids),
    command("record_test_result", run_id=ids, test_name=ids, outcome=outcomes, error=st.just("e")),
    command("complete_test_run", run_id=ids),
    command("record_coverage", project=ids, line_coverage=percent, branch_coverage=st.none() | percent),
    command("check_quality_gate", project=ids, gate_name=gates, threshold=percent),
)


@given(st.lists(commands, max_size=30))
def test_replaying_the_log_gives_the_same_state(script: Script) -> None:
    harness = Harness(SERVICE).run(script)
    assert harness.replayed() == harness.state


@given(st.lists(commands, max_size=30))
def test_a_gate_uses_the_measurement_before_it_in_the_log(script: Script) -> None:
    measured: dict[tuple[str, str], float] = {}
    for event in Harness(SERVICE).run(script).log:
        data = event.data
        if event.name == "coverage.updated":
            for gate in ("line_coverage", "branch_coverage"):
                measured[data["project"], gate] = data[gate]
        elif event.name == "test.completed" and data["total_tests"] > data["tests_skipped"]:
            rate = Fraction(100 * data["tests_passed"], data["total_tests"] - data["tests_skipped"])
            measured[data["project"], "test_pass_rate"] = float(rate)
        elif event.name == "quality_gate.checked":
            assert data["score"] == measured[data["project"], data["gate_name"]]
            assert data["status"] == ("passed" if data["score"] >= data["threshold"] else "failed")
