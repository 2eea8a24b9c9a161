"""The report as Markdown, for the summary page of a build."""

from bodhisattva.reports.report import OUTCOMES, Claim, Finding, Report, title

MARKDOWN_FILE = "summary.md"
_SHOWN = 20  # clauses; GitHub refuses a summary of more than 1 MiB
_CELL = 300
_MARKS = {"passed": "✅", "failed": "❌", "partial": "⚠️", "empty": "⚪"}


def markdown(report: Report) -> str:
    """Verdict, profiles, services, what to do first, and each broken clause with what explains it."""
    parts = [
        f"## {_MARKS[report.verdict]} {title(report)}: {report.verdict}",
        f"{report.reason}. On {report.stack}.",
        *[f"- {problem}" for problem in report.problems],
        _profiles(report.claims),
        _services(report),
        _first(report),
        *_failures(report.failures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _profiles(claims: dict[str, Claim]) -> str:
    if not claims:
        return ""
    rows = [
        f"| {name} | {_MARKS[claim.verdict]} {_cell(claim.reason)} | {claim.passed} | {claim.failed} | "
        f"{claim.unknown} | {claim.missing} | {claim.of} |"
        for name, claim in claims.items()
    ]
    head = ["| profile | | passed | failed | unknown | missing | of |", "|---|---|--:|--:|--:|--:|--:|"]
    return "\n".join([*head, *rows])


def _services(report: Report) -> str:
    rows = [
        f"| {name} | " + " | ".join(str(counts[outcome]) for outcome in OUTCOMES) + " |"
        for name, counts in report.services.items()
    ]
    return "\n".join([f"| service | {' | '.join(OUTCOMES)} |", "|---|" + "--:|" * len(OUTCOMES), *rows])


def _first(report: Report) -> str:
    if not report.first:
        return ""
    things = [
        f"{number}. **{thing.clause}** ({thing.where}): {_cell(thing.reason)} `{thing.explain}`"
        for number, thing in enumerate(report.first, start=1)
    ]
    return "\n".join(["### To do first", "", *things])


def _failures(failures: list[Finding]) -> list[str]:
    """One part for each clause, in the order of the catalogue; the services that break it together."""
    clauses: dict[str, list[Finding]] = {}
    for finding in failures:
        clauses.setdefault(finding.clause, []).append(finding)
    more = len(clauses) - _SHOWN
    parts = [_clause(findings) for findings in list(clauses.values())[:_SHOWN]]
    return [*parts, f"and {more} more clauses, in conformance.json"] if more > 0 else parts


def _clause(findings: list[Finding]) -> str:
    one = findings[0]
    found = [f"- {finding.service}: {_cell(finding.reason)}" for finding in findings]
    causes = [f"- {cause}" for cause in one.causes]
    seen = [f"```text\n{wire}\n```" for wire in one.seen]
    lines = [
        f"<details><summary>❌ <b>{one.clause}</b> {one.level}, section {one.section}</summary>",
        "",
        f"> {one.text}",
        "",
        *found,
        *(["", f"Why it matters: {one.why}", "", "Usual causes:", *causes] if one.why else []),
        *(["", "Seen on the wire:", "", *seen] if seen else []),
        *(["", f"```text\n{one.raw}\n```"] if one.raw else []),
        "",
        f"`{one.explain}` · `{one.reproduce}`",
        "",
        "</details>",
    ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """In one line, without what would end a cell or begin an element."""
    line = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return line if len(line) <= _CELL else f"{line[:_CELL]}…"
