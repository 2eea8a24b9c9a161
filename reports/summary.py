"""The run in a few lines, for the end of a terminal session."""

from pathlib import Path

from bodhisattva.reports.first import came_to
from bodhisattva.reports.report import OUTCOMES, First, Report, title

CAUSES = 3
WIDTH = 100


def summary(report: Report, page: Path) -> list[str]:
    """At most twenty lines for seven services: verdict, stack, services, what to do first, where to read on."""
    lines = [
        f"{report.verdict.upper()}: {report.reason}",
        *report.causes[:CAUSES],
        f"{_shortened(title(report))} on {report.stack}" + (f" ({report.stack.reason})" if report.stack.reason else ""),
        *_services(report),
        *_profiles(report),
        *report.problems[:3],
        *_first(report),
        *([f"run: {report.run}, unit of time {report.time_unit}"] if report.run else []),
        f"report: {page}",
    ]
    return [_shortened(line) if line.startswith("  ") else line for line in lines]


def _services(report: Report) -> list[str]:
    width = max((len(name) for name in report.services), default=0)
    return [
        f"  {name:<{width}}  " + ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome])
        for name, counts in report.services.items()
    ]


def _profiles(report: Report) -> list[str]:
    """Which profiles a run of the whole suite proves; the verdict on what was claimed has its line already."""
    if report.claimed or not report.claims:
        return []
    by_verdict = {
        "conformant to": [name for name, claim in report.claims.items() if claim.verdict == "passed"],
        "not conformant to": [f"{n} ({c.failed} failed)" for n, c in report.claims.items() if c.verdict == "failed"],
        "not shown": [name for name, claim in report.claims.items() if claim.verdict in ("partial", "empty")],
    }
    return ["profiles: " + "; ".join(f"{what} {', '.join(names)}" for what, names in by_verdict.items() if names)]


def _first(report: Report) -> list[str]:
    """One line for each thing to do; the reason is shortened, so that the command stands whole."""
    if not report.first:
        return []
    found = {finding.clause for finding in (*report.failures, *came_to(report.gaps))}
    more = len(found - {each.clause for each in report.first})
    rest = [f"and {more} more clause{'' if more == 1 else 's'} in the report"] if more else []
    return ["to do first:", *[_thing(number, each) for number, each in enumerate(report.first, start=1)], *rest]


def _thing(number: int, thing: First) -> str:
    return f"{number}. {thing.clause} {thing.where}: {_shortened(' '.join(thing.reason.split()))} - {thing.explain}"


def _shortened(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
