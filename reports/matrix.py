"""The report for people: one HTML page, clause by service, that needs nothing but itself."""

from datetime import datetime, timedelta
from typing import Any

from bodhisattva.reports.conformance import cells, columns, count, judge, reproduce
from bodhisattva.reports.report import OUTCOMES, Cell, Finding, Report, title
from bodhisattva.reports.run import Clause, Plan, Run
from bodhisattva.reports.templates import render

MATRIX_FILE = "matrix.html"

# Told apart by shape as well as by colour.
GLYPHS = {"passed": "✓", "failed": "✗", "unsupported": "–", "unknown": "?", "missing": "○"}  # noqa: RUF001
VERDICT_GLYPHS = {"passed": "✓", "failed": "✗", "partial": "◐", "empty": "○"}
MEANINGS = {
    "passed": "a test saw the clause kept",
    "failed": "a test saw the clause broken",
    "unsupported": "the service does not claim the feature, and a probe agreed",
    "unknown": "not judged",
    "missing": "no test reported on it",
}


def matrix(run: Run) -> str:
    """The page for a run, as HTML."""
    report = judge(run)
    judged = cells(run)
    return render(
        "matrix.html.j2",
        report=report,
        title=title(report),
        plan=run.plan,
        columns=columns(run.plan),
        outcomes=OUTCOMES,
        glyphs=GLYPHS,
        verdict_glyphs=VERDICT_GLYPHS,
        meanings=MEANINGS,
        worth_reading=_worth_reading(report),
        when=_when(run.plan),
        groups=_groups(run.plan, judged),
        baseline=_baseline(run.plan, judged),
        details=_details(run.plan, judged),
        profile_counts={
            profile: count(cell for cell in judged if cell.clause.counts_for(profile)) for profile in report.profiles
        },
    )


def _worth_reading(report: Report) -> list[tuple[str, str, list[list[Finding]]]]:
    """The lists above the matrix: heading, what it means, findings by clause; empty ones left out."""
    lists = [
        ("Failures", "MUST clauses that were broken", report.failures),
        ("Not judged", "MUST clauses without an answer", report.gaps),
        ("Warnings", "other clauses that did not pass; they leave the verdict as it is", report.warnings),
    ]
    return [(heading, meaning, _by_clause(findings)) for heading, meaning, findings in lists if findings]


def _by_clause(findings: list[Finding]) -> list[list[Finding]]:
    """Findings of one clause, outcome and reason together: what services share shows once."""
    together: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        together.setdefault((finding.clause, finding.outcome, finding.reason), []).append(finding)
    return list(together.values())


def _when(plan: Plan) -> str:
    """The run's beginning and length, for people; as it stands in the plan where it is no ISO 8601."""
    try:
        started = datetime.fromisoformat(plan.started)
        seconds = (datetime.fromisoformat(plan.finished) - started).total_seconds() if plan.finished else None
    except (ValueError, TypeError):
        return plan.started
    length = "never ended" if seconds is None else f"took {timedelta(seconds=round(seconds))} h"
    return f"{started:%Y-%m-%d %H:%M %Z}, {length}"


def _groups(plan: Plan, judged: list[Cell]) -> dict[str, list[tuple[Clause, dict[str, Cell]]]]:
    """Category, then its clauses with their cells by service."""
    groups: dict[str, list[tuple[Clause, dict[str, Cell]]]] = {}
    for clause in plan.catalogue:
        row = {cell.service: cell for cell in judged if cell.clause is clause}
        groups.setdefault(clause.category, []).append((clause, row))
    return groups


def _baseline(plan: Plan, judged: list[Cell]) -> dict[str, list[tuple[Clause, list[Cell]]]]:
    """Each case of the suite's predecessor, with the clauses that took it over and their cells."""
    cases: dict[str, list[tuple[Clause, list[Cell]]]] = {}
    for clause in plan.catalogue:
        if clause.baseline:
            row = [cell for cell in judged if cell.clause is clause]
            cases.setdefault(clause.baseline, []).append((clause, row))
    return cases


def _details(plan: Plan, judged: list[Cell]) -> dict[str, Any]:
    """What the page shows when a cell is opened: sentences by clause, results by clause and service."""
    clauses = {
        clause.id: [
            clause.level,
            clause.section,
            clause.category,
            ", ".join(clause.profiles or [clause.profile]),
            clause.feature,
            clause.text,
            clause.why,
            clause.causes,
        ]
        for clause in plan.catalogue
    }
    results: dict[str, dict[str, Any]] = {}
    for cell in judged:
        results.setdefault(cell.clause.id, {})[cell.service] = [
            cell.outcome,
            cell.reason,
            cell.nodeid,
            round(cell.duration, 3),
            reproduce(plan, cell.nodeid),
            cell.deviation,
            cell.raw,
            cell.seen,
        ]
    return {"clauses": clauses, "results": results, "glyphs": GLYPHS, "meanings": MEANINGS}
