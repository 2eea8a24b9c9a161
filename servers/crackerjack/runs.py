"""Test runs: started with a number of tests, given each result, completed."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import Conflict, InvalidData
from bodhisattva.servers.core.inputs import Id, Name, Paging, Text, claim_id, find, page
from bodhisattva.servers.crackerjack.domain import Outcome, Result, Run, State

MOST_TESTS = 1_000_000
TestName = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class StartTestRun(msgspec.Struct, frozen=True):
    """Only a run that names its project counts for that project's gates."""

    test_suite: Name
    total_tests: Annotated[int, msgspec.Meta(ge=1, le=MOST_TESTS)]
    project: Id | None = None
    run_id: Id | None = None


class RecordTestResult(msgspec.Struct, frozen=True):
    run_id: Id
    test_name: TestName
    outcome: Outcome
    duration_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    error: Text | None = None
    traceback: Text | None = None


class CompleteTestRun(msgspec.Struct, frozen=True):
    run_id: Id


class GetTestStatus(msgspec.Struct, frozen=True):
    run_id: Id


class ListTestRuns(Paging, frozen=True):
    project: Id | None = None
    status: Literal["running", "completed"] | None = None


def start_test_run(state: State, data: StartTestRun, context: Context) -> Decision:
    run = Run(
        run_id=claim_id(state.runs, data.run_id, "run_id", context),
        test_suite=data.test_suite,
        total_tests=data.total_tests,
        project=data.project,
        started_by=context.user_id,
        started_at=context.now.isoformat(),
    )
    return Decision({"run_id": run.run_id, "status": "running", "total_tests": run.total_tests}, (started(run),))


def record_test_result(state: State, data: RecordTestResult, context: Context) -> Decision:
    run = _running(state, data.run_id)
    if data.test_name in run.results:
        raise Conflict("This test has a result already.", field="test_name")
    if len(run.results) == run.total_tests:
        raise Conflict("All of the run's tests have results.", field="run_id", limit=run.total_tests)
    if data.outcome == "failed" and data.error is None:
        raise InvalidData("A failed test needs an error.", field="error")
    result = Result(data.test_name, data.outcome, data.duration_seconds, data.error, data.traceback)
    answer = {
        "run_id": run.run_id,
        "tests_completed": len(run.results) + 1,
        "total_tests": run.total_tests,
    }
    return Decision(answer, (ended(run.run_id, result),))


def complete_test_run(state: State, data: CompleteTestRun, context: Context) -> Decision:
    """Complete the run. Tests without a result do not count in `tests_completed`, and have not passed."""
    run = _running(state, data.run_id)
    duration = context.now - datetime.fromisoformat(run.started_at)
    event = completed(run, duration.total_seconds(), context)
    return Decision({"run_id": run.run_id, "status": "completed", **counts(run)}, (event,))


def get_test_status(state: State, data: GetTestStatus, context: Context) -> dict[str, Any]:
    run = find(state.runs, data.run_id, "run_id")
    failures = [
        {"test_name": result.test_name, "error": result.error}
        for result in run.results.values()
        if result.outcome == "failed"
    ]
    return {**_summary(run), "started_by": run.started_by, "failures": failures}


def list_test_runs(state: State, data: ListTestRuns, context: Context) -> dict[str, Any]:
    def wanted(run: Run) -> bool:
        return data.project in (None, run.project) and data.status in (None, run.status)

    runs, after = page(state.runs, data, wanted)
    return {"runs": [_summary(run) for run in runs], "next": after}


def started(run: Run) -> Event:
    return _event(
        "test.started",
        run.run_id,
        test_suite=run.test_suite,
        total_tests=run.total_tests,
        project=run.project,
        started_by=run.started_by,
        started_at=run.started_at,
    )


def ended(run_id: str, result: Result) -> Event:
    return _event(f"test.{result.outcome}", run_id, **msgspec.structs.asdict(result))


def completed(run: Run, duration_seconds: float, context: Context) -> Event:
    return _event(
        "test.completed",
        run.run_id,
        **counts(run),
        project=run.project,
        duration_seconds=duration_seconds,
        finished_at=context.now.isoformat(),
    )


def _running(state: State, run_id: str) -> Run:
    run = find(state.runs, run_id, "run_id")
    if run.status == "completed":
        raise Conflict("The test run is completed.", field="run_id", status=run.status)
    return run


def counts(run: Run) -> dict[str, int]:
    return {
        "total_tests": run.total_tests,
        "tests_completed": len(run.results),
        "tests_passed": run.count("passed"),
        "tests_failed": run.count("failed"),
        "tests_skipped": run.count("skipped"),
    }


def _summary(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "status": run.status,
        "test_suite": run.test_suite,
        "project": run.project,
        **counts(run),
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "duration_seconds": run.duration_seconds,
    }


def _event(name: str, run_id: str, **data: Any) -> Event:
    return Event(name, (f"test:{run_id}",), {"run_id": run_id, **data})
