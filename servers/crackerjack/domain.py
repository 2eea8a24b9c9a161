"""The read model: test runs, each project's latest coverage, and its gates as last checked."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from bodhisattva.servers.core.domain import Event

Outcome = Literal["passed", "failed", "skipped"]
GateName = Literal["line_coverage", "branch_coverage", "path_coverage", "test_pass_rate"]


class Result(msgspec.Struct, frozen=True):
    """The result of one test. error, traceback: of a failed one."""

    test_name: str
    outcome: Outcome
    duration_seconds: float | None = None
    error: str | None = None
    traceback: str | None = None


class Run(msgspec.Struct):
    """A run of a test suite. total_tests: how many results it will have.

    tally: the number of results by outcome; None in an older snapshot, where `count` counts them.
    """

    run_id: str
    test_suite: str
    total_tests: int
    project: str | None
    started_by: str
    started_at: str
    results: dict[str, Result] = {}
    finished_at: str | None = None
    duration_seconds: float | None = None
    tally: dict[Outcome, int] | None = None

    @property
    def status(self) -> Literal["running", "completed"]:
        return "running" if self.finished_at is None else "completed"

    def count(self, outcome: Outcome) -> int:
        if self.tally is not None:
            return self.tally.get(outcome, 0)
        return sum(result.outcome == outcome for result in self.results.values())

    def record(self, result: Result) -> None:
        before = self.results.get(result.test_name)
        self.results[result.test_name] = result
        if self.tally is not None:
            self.tally[result.outcome] = self.tally.get(result.outcome, 0) + 1
            if before is not None:  # earlier releases could give two tests one name
                self.tally[before.outcome] -= 1


class Coverage(msgspec.Struct, frozen=True):
    """Percentages; None if not measured."""

    project: str
    line_coverage: float
    branch_coverage: float | None
    path_coverage: float | None
    recorded_at: str


class GateCheck(msgspec.Struct, frozen=True):
    """A check of a gate. score, threshold: percent; the gate passes if the score is at least the threshold."""

    project: str
    gate_name: GateName
    status: Literal["passed", "failed"]
    score: float
    threshold: float
    checked_at: str


class State(msgspec.Struct):
    """The read model. latest_runs: each project's last completed run; gates: by project, then name."""

    runs: dict[str, Run] = {}
    latest_runs: dict[str, Run] = {}
    coverage: dict[str, Coverage] = {}
    gates: dict[str, dict[str, GateCheck]] = {}

    def apply(self, event: Event) -> None:
        _APPLY[event.name](self, event.data)


Data = dict[str, Any]


def _run_started(state: State, data: Data) -> None:
    run = msgspec.convert(data, Run)
    run.tally = {}
    state.runs[run.run_id] = run


def _test_ended(state: State, data: Data) -> None:
    state.runs[data["run_id"]].record(msgspec.convert(data, Result))


def _run_completed(state: State, data: Data) -> None:
    run = state.runs[data["run_id"]]
    run.finished_at, run.duration_seconds = data["finished_at"], data["duration_seconds"]
    if run.project is not None:
        state.latest_runs[run.project] = run


def _coverage_updated(state: State, data: Data) -> None:
    coverage = msgspec.convert(data, Coverage)
    state.coverage[coverage.project] = coverage


def _gate_checked(state: State, data: Data) -> None:
    check = msgspec.convert(data, GateCheck)
    state.gates.setdefault(check.project, {})[check.gate_name] = check


_APPLY: Mapping[str, Callable[[State, Data], None]] = {
    "test.started": _run_started,
    "test.passed": _test_ended,
    "test.failed": _test_ended,
    "test.skipped": _test_ended,
    "test.completed": _run_completed,
    "coverage.updated": _coverage_updated,
    "quality_gate.checked": _gate_checked,
}
