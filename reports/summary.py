"""The run in a few lines, for the end of a terminal session."""

from pathlib import Path

from bodhisattva.reports.causes import cause_of
from bodhisattva.reports.report import OUTCOMES, Finding, Report, title

SHOWN = 5
CAUSES = 3
WIDTH = 100


def summary(report: Report, page: Path) -> list[str]:
    """At most twenty lines for seven services: verdict, stack, services, what failed, where to read on."""
    lines = [
        f"{report.verdict.upper()}: {report.reason}",
        *report.causes[:CAUSES],
        f"{_shortened(title(report))} on {report.stack}" + (f" ({report.stack.reason})" if report.stack.reason else ""),
        *_services(report),
        *_worst(report),
        f"report: {page}",
    ]
    return [_shortened(line) if line.startswith("  ") else line for line in lines]


def _services(report: Report) -> list[str]:
    width = max((len(name) for name in report.services), default=0)
    return [
        f"  {name:<{width}}  " + ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome])
        for name, counts in report.services.items()
    ]


def _worst(report: Report) -> list[str]:
    """The clauses to read first: broken before not judged before warnings, each clause once."""
    clauses: dict[str, list[Finding]] = {}
    for finding in [*report.failures, *report.gaps, *report.warnings]:
        if cause_of(finding.reason) is not None:
            continue  # its cause stands above
        clauses.setdefault(f"{finding.outcome} {finding.clause}", []).append(finding)
    lines = [
        f"  {name} ({findings[0].level}, {_where(findings)}): {findings[0].text}" for name, findings in clauses.items()
    ]
    more = [f"  and {len(lines) - SHOWN} more clauses"] if len(lines) > SHOWN else []
    return [*report.problems[:3], *lines[:SHOWN], *more]


def _where(findings: list[Finding]) -> str:
    return findings[0].service if len(findings) == 1 else f"{len(findings)} services"


def _shortened(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
