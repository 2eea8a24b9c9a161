"""Test runs are counted, coverage is kept, and a gate passes only on a measurement."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import Conflict, InvalidData, NotFound
from bodhisattva.servers.crackerjack.service import SERVICE
from bodhisattva.servers.tests.bench import Bench, Script, command


@pytest.fixture
def bench() -> Bench:
    return Bench(SERVICE)


def start(bench: Bench, total: int, run_id: str = "r", **more: Any) -> None:
    bench.do("start_test_run", run_id=run_id, test_suite="unit", total_tests=total, **more)


def record(bench: Bench, *outcomes: str, run_id: str = "r") -> None:
    for number, outcome in enumerate(outcomes):
        error = {"error": "1 != 2", "traceback": "at line 3"} if outcome == "failed" else {}
        bench.do("record_test_result", run_id=run_id, test_name=f"test_{number}", outcome=outcome, **error)


# Test runs


def test_a_run_is_counted_and_timed(bench: Bench) -> None:
    start(bench, 4)
    record(bench, "passed", "failed", "skipped")
    assert bench.ask("get_test_status", run_id="r")["status"] == "running"
    bench.wait(12.5)
    (event,) = bench.do("complete_test_run", run_id="r").events
    assert (event.name, event.channels) == ("test.completed", ("test:r",))
    assert (event.data["tests_completed"], event.data["tests_failed"]) == (3, 1)
    assert event.data["duration_seconds"] == 12.5
    status = bench.ask("get_test_status", run_id="r")
    assert (status["status"], status["total_tests"], status["tests_passed"]) == ("completed", 4, 1)
    assert status["failures"] == [{"test_name": "test_1", "error": "1 != 2"}]


def test_a_failed_test_is_told_with_its_traceback(bench: Bench) -> None:
    start(bench, 1)
    record(bench, "failed")
    failed = bench.log[-1]
    assert failed.name == "test.failed"
    assert (failed.data["error"], failed.data["traceback"]) == ("1 != 2", "at line 3")


def test_run_commands_are_refused(bench: Bench) -> None:
    start(bench, 2)
    result = {"run_id": "r", "test_name": "test_0", "outcome": "passed"}
    bench.refused(Conflict, "start_test_run", run_id="r", test_suite="unit", total_tests=1)
    bench.refused(InvalidData, "start_test_run", test_suite="unit", total_tests=0)
    bench.refused(InvalidData, "start_test_run", run_id="with space", test_suite="unit", total_tests=1)
    bench.refused(InvalidData, "record_test_result", **(result | {"outcome": "odd"}))
    bench.refused(InvalidData, "record_test_result", **(result | {"outcome": "failed"}))
    bench.refused(NotFound, "record_test_result", **(result | {"run_id": "x"}))
    bench.refused(NotFound, "complete_test_run", run_id="x")
    bench.do("record_test_result", **result)
    bench.refused(Conflict, "record_test_result", **result)
    bench.do("record_test_result", **(result | {"test_name": "test_1"}))
    bench.refused(Conflict, "record_test_result", **(result | {"test_name": "one too many"}))
    bench.do("complete_test_run", run_id="r")
    bench.refused(Conflict, "record_test_result", **(result | {"test_name": "too late"}))
    assert bench.refused(Conflict, "complete_test_run", run_id="r").data["status"] == "completed"


def test_runs_are_listed_page_by_page(bench: Bench) -> None:
    for run_id in ("a", "b", "c"):
        start(bench, 1, run_id, project="atlas")
    start(bench, 1, "d")
    bench.do("complete_test_run", run_id="b")
    first = bench.ask("list_test_runs", project="atlas", limit=2)
    assert ([run["run_id"] for run in first["runs"]], first["next"]) == (["a", "b"], "b")
    rest = bench.ask("list_test_runs", project="atlas", after=first["next"])
    assert ([run["run_id"] for run in rest["runs"]], rest["next"]) == (["c"], None)
    completed = bench.ask("list_test_runs", status="completed")["runs"]
    assert [run["run_id"] for run in completed] == ["b"]


class Unread(dict[str, Any]):
    """Results that are not to be gone through."""

    def values(self) -> Any:
        raise AssertionError("each result was looked at")


def test_a_list_of_runs_does_not_count_their_results_again(bench: Bench) -> None:
    """A thousand runs of five thousand tests held up everybody for two seconds."""
    start(bench, 4, project="atlas")
    record(bench, "passed", "failed", "passed", "skipped")
    bench.do("complete_test_run", run_id="r")
    run = bench.state.runs["r"]
    run.results = bench.state.latest_runs["atlas"].results = Unread(run.results)
    (listed,) = bench.ask("list_test_runs")["runs"]
    assert [listed[f"tests_{what}"] for what in ("completed", "passed", "failed", "skipped")] == [4, 2, 1, 1]
    gate = bench.do("check_quality_gate", project="atlas", gate_name="test_pass_rate", threshold=50).answer
    assert gate["score"] == pytest.approx(200 / 3)


def test_a_run_of_an_earlier_release_s_snapshot_is_counted(bench: Bench) -> None:
    start(bench, 3)
    record(bench, "passed", "failed")
    bench.state.runs["r"].tally = None
    bench.do("record_test_result", run_id="r", test_name="last", outcome="passed")
    status = bench.ask("get_test_status", run_id="r")
    assert (status["tests_passed"], status["tests_failed"]) == (2, 1)


# Quality


def test_coverage_is_kept_as_measured(bench: Bench) -> None:
    (event,) = bench.do("record_coverage", project="atlas", line_coverage=91.5, branch_coverage=80).events
    assert (event.name, event.channels) == ("coverage.updated", ("quality:atlas", "coverage"))
    coverage = bench.ask("get_coverage", project="atlas")
    assert (coverage["line_coverage"], coverage["branch_coverage"]) == (91.5, 80.0)
    assert coverage["path_coverage"] is None


@pytest.mark.parametrize("gate", ["line_coverage", "branch_coverage", "path_coverage", "test_pass_rate"])
def test_an_unmeasured_gate_never_passes(bench: Bench, gate: str) -> None:
    bench.refused(NotFound, "check_quality_gate", project="atlas", gate_name=gate, threshold=0)
    with pytest.raises(NotFound):
        bench.ask("get_quality_gate", project="atlas")


def test_half_a_measurement_measures_half_the_gates(bench: Bench) -> None:
    bench.do("record_coverage", project="atlas", line_coverage=90)
    start(bench, 1, project="atlas")
    record(bench, "passed")
    for gate in ("branch_coverage", "path_coverage", "test_pass_rate"):
        bench.refused(NotFound, "check_quality_gate", project="atlas", gate_name=gate, threshold=0)
    bench.do("check_quality_gate", project="atlas", gate_name="line_coverage", threshold=0)
    with pytest.raises(NotFound):
        bench.ask("get_quality_gate", project="atlas", gate_name="branch_coverage")


@pytest.mark.parametrize(("threshold", "status"), [(80, "passed"), (80.01, "failed")])
def test_a_gate_passes_from_its_threshold_on(bench: Bench, threshold: float, status: str) -> None:
    bench.do("record_coverage", project="atlas", line_coverage=80)
    gate = {"project": "atlas", "gate_name": "line_coverage", "threshold": threshold}
    (event,) = bench.do("check_quality_gate", **gate).events
    assert event.name == "quality_gate.checked"
    assert event.channels == ("quality:atlas", "coverage")
    assert (event.data["status"], event.data["score"]) == (status, 80.0)
    assert bench.ask("get_quality_gate", project="atlas", gate_name="line_coverage")["status"] == status


def test_the_gate_with_the_least_margin_decides(bench: Bench) -> None:
    bench.do("record_coverage", project="atlas", line_coverage=95, branch_coverage=70)
    for gate, threshold in (("branch_coverage", 75), ("line_coverage", 90)):
        bench.do("check_quality_gate", project="atlas", gate_name=gate, threshold=threshold)
    answer = bench.ask("get_quality_gate", project="atlas")
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
    bench: Bench, total: int, outcomes: list[str], score: float
) -> None:
    start(bench, total, project="atlas")
    record(bench, *outcomes)
    bench.do("complete_test_run", run_id="r")
    gate = {"project": "atlas", "gate_name": "test_pass_rate", "threshold": 100}
    assert bench.do("check_quality_gate", **gate).answer["score"] == score


def test_a_run_that_only_skipped_measures_nothing(bench: Bench) -> None:
    start(bench, 1, project="atlas")
    record(bench, "skipped")
    bench.do("complete_test_run", run_id="r")
    gate = {"project": "atlas", "gate_name": "test_pass_rate", "threshold": 0}
    bench.refused(NotFound, "check_quality_gate", **gate)


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
def test_what_is_no_measure_is_refused(bench: Bench, command: str, data: dict[str, Any]) -> None:
    bench.refused(InvalidData, command, **data)


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("get_test_status", {"run_id": "x"}),
        ("get_quality_gate", {"project": "x"}),
        ("get_coverage", {"project": "x"}),
    ],
)
def test_what_does_not_exist_is_not_found(bench: Bench, query: str, data: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        bench.ask(query, **data)


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
    bench = Bench(SERVICE).play(script)
    assert bench.replayed() == bench.state


@given(st.lists(commands, max_size=30))
def test_a_gate_says_what_the_log_measured_before_it(script: Script) -> None:
    measured: dict[tuple[str, str], float] = {}
    for event in Bench(SERVICE).play(script).log:
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
