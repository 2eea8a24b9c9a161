"""Imports reports of other tools, as if each of their results had been recorded here."""

from typing import Annotated, NamedTuple

import msgspec

from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.core.errors import LimitExceeded
from bodhisattva.servers.core.inputs import Id, Name, claim_id
from bodhisattva.servers.crackerjack import cobertura, junit
from bodhisattva.servers.crackerjack.domain import Run, State
from bodhisattva.servers.crackerjack.quality import RecordCoverage, record_coverage
from bodhisattva.servers.crackerjack.runs import completed, counts, ended, started

MOST_IMPORTED = 10_000
# A report has to fit into a message (protocol 4), whose limit may be raised.
Document = Annotated[str, msgspec.Meta(min_length=1, max_length=16 * 2**20)]


class ImportJunit(msgspec.Struct, frozen=True):
    """content: JUnit XML. test_suite: replaces the report's own name."""

    project: Id
    content: Document
    test_suite: Name | None = None
    run_id: Id | None = None


class ImportCoverage(msgspec.Struct, frozen=True):
    """content: Cobertura XML, as `coverage xml` writes it."""

    project: Id
    content: Document


class JunitReport(NamedTuple):
    """A request to import, and its content as parsed."""

    data: ImportJunit
    report: junit.Report


def read_junit(state: State, data: ImportJunit) -> JunitReport:
    """Parse the content; LIMIT_EXCEEDED if it has too many tests."""
    report = junit.read(data.content)
    if len(report.results) > MOST_IMPORTED:
        raise LimitExceeded("The report has too many tests; import its suites one by one.", limit=MOST_IMPORTED)
    return JunitReport(data, report)


def read_coverage(state: State, data: ImportCoverage) -> RecordCoverage:
    shares = cobertura.read(data.content)
    return RecordCoverage(data.project, shares.line, shares.branch)


def import_junit(state: State, read: JunitReport, context: Context) -> Decision:
    """Record a whole run at once: started, each test's result, completed."""
    data, report = read
    run = Run(
        run_id=claim_id(state.runs, data.run_id, "run_id", context),
        test_suite=data.test_suite or report.suite or data.project,
        total_tests=len(report.results),
        project=data.project,
        started_by=context.user_id,
        started_at=(report.started_at or context.now).isoformat(),
        results={result.test_name: result for result in report.results},
    )
    events = (
        started(run),
        *(ended(run.run_id, result) for result in report.results),
        completed(run, report.duration_seconds, context),
    )
    answer = {"run_id": run.run_id, "status": "completed", "test_suite": run.test_suite, **counts(run)}
    return Decision(answer, events)


def import_coverage(state: State, read: RecordCoverage, context: Context) -> Decision:
    """Do as record_coverage does, with the report's percentages; branches only if they were measured."""
    return record_coverage(state, read, context)
