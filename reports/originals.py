"""The scorecard of the published originals: which clause of core each of them keeps, and the evidence where not.

One HTML page with a matrix of service and clause, and a text file with the wire for each clause that failed.
"""

import shutil
from pathlib import Path
from typing import Any

import msgspec

from bodhisattva.reports import run
from bodhisattva.reports.conformance import cells
from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.matrix import GLYPHS, MEANINGS
from bodhisattva.reports.report import OUTCOMES, Cell, Outcome
from bodhisattva.reports.run import CORE, Clause
from bodhisattva.reports.templates import render

ORIGINALS_FILE = "originals.json"
PAGE_FILE = "originals.html"
EVIDENCE_FOLDER = "evidence"
JUDGED, PARTIAL = 0, 3
_WIDTH = 100


class Judged(msgspec.Struct, frozen=True):
    """A published service of the run; why: the reason that it could not be started, or empty."""

    package: str
    version: str
    why: str = ""


class Scorecard(msgspec.Struct, frozen=True):
    """The matrix: originals by service, and the cells of each clause of core by service."""

    originals: dict[str, Judged]
    rows: list[tuple[Clause, dict[str, Cell]]]

    def counts(self, service: str) -> dict[Outcome, int]:
        """The outcomes of a service; an original that was not started has `unknown` for each clause."""
        outcomes = [row[service].outcome for _, row in self.rows]
        return {outcome: outcomes.count(outcome) for outcome in OUTCOMES}

    def judged(self, service: str) -> bool:
        """Whether any clause was answered for the service, by kept or broken."""
        counts = self.counts(service)
        return counts["passed"] + counts["failed"] > 0


def build(folder: Path) -> Path:
    """Write the page and its evidence for the run in `folder`; ReportError if it cannot be read."""
    scorecard = read(folder)
    evidence = _write_evidence(folder, scorecard)
    page = folder / PAGE_FILE
    page.write_text(
        render(
            "originals.html.j2",
            scorecard=scorecard,
            outcomes=OUTCOMES,
            glyphs=GLYPHS,
            meanings=MEANINGS,
            evidence=evidence,
            run=run.read(folder).plan,
        ),
        encoding="utf-8",
    )
    return page


def read(folder: Path) -> Scorecard:
    """The scorecard of the run in `folder`. Raises ReportError."""
    file = folder / ORIGINALS_FILE
    try:
        originals = msgspec.json.decode(file.read_bytes(), type=dict[str, Judged])
    except (OSError, msgspec.DecodeError) as error:
        raise ReportError(f"{file}: no originals to report on: {error}; run `nox -s originals`") from error
    found = run.read(folder)
    by_clause: dict[str, dict[str, Cell]] = {}
    for cell in cells(found):
        by_clause.setdefault(cell.clause.id, {})[cell.service] = cell
    rows = [
        (clause, {name: _cell(clause, name, each, by_clause.get(clause.id, {})) for name, each in originals.items()})
        for clause in found.plan.catalogue
        if clause.profile == CORE and clause.per_service and not clause.services
    ]
    return Scorecard(originals, rows)


def _cell(clause: Clause, service: str, original: Judged, row: dict[str, Cell]) -> Cell:
    """What is not there was not judged."""
    missing = Cell(clause=clause, service=service, outcome="unknown", reason=original.why or "not run")
    return missing if original.why else row.get(service, missing)


def verdict(folder: Path) -> int:
    """The exit code: 0 if every original was judged, whatever came of it, 3 if not."""
    scorecard = read(folder)
    return JUDGED if all(map(scorecard.judged, scorecard.originals)) else PARTIAL


def lines(folder: Path) -> list[str]:
    """The matrix for a terminal: each clause that an original breaks, the counts, and where the evidence lies."""
    scorecard = read(folder)
    names = list(scorecard.originals)
    broken = [(clause, row) for clause, row in scorecard.rows if any(c.outcome == "failed" for c in row.values())]
    head = [f"  {letter}  {_described(scorecard, name)}" for letter, name in zip(_letters(names), names, strict=True)]
    table = [f"{'':16}{' '.join(_letters(names))}"]
    for clause, row in broken:
        marks = " ".join(GLYPHS[row[name].outcome] for name in names)
        table.append(f"{clause.id:16}{marks}  {clause.text}")
    kept = len(scorecard.rows) - len(broken)
    legend = ", ".join(f"{GLYPHS[outcome]} {outcome}" for outcome in OUTCOMES)
    return [
        f"PUBLISHED ORIGINALS, judged by core: {len(scorecard.rows)} clauses",
        *head,
        *(line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…" for line in table),
        f"{legend}; in {kept} more clauses nothing failed",
        f"report: {folder / PAGE_FILE}, evidence: {folder / EVIDENCE_FOLDER}",
    ]


def _letters(names: list[str]) -> list[str]:
    return [chr(ord("A") + number) for number in range(len(names))]


def _described(scorecard: Scorecard, name: str) -> str:
    original = scorecard.originals[name]
    title = f"{name:14} {original.package} {original.version}"
    if original.why:
        return f"{title}: unknown, {original.why}"
    counts = ", ".join(f"{count} {outcome}" for outcome, count in scorecard.counts(name).items() if count)
    return f"{title}: {counts}"


def _write_evidence(folder: Path, scorecard: Scorecard) -> dict[str, dict[str, str]]:
    """A text file for each failed cell; its path from the page, by clause and service."""
    shutil.rmtree(folder / EVIDENCE_FOLDER, ignore_errors=True)
    kept = _attachments(folder / "allure-results")
    written: dict[str, dict[str, str]] = {}
    for clause, row in scorecard.rows:
        for service, cell in row.items():
            if cell.outcome != "failed":
                continue
            name = f"{EVIDENCE_FOLDER}/{service}/{clause.id}.txt"
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            parts = [f"{clause.id} ({clause.level}) {clause.text}", cell.reason, *kept.get((clause.id, service), [])]
            file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
            written.setdefault(clause.id, {})[service] = name
    return written


def _attachments(results: Path) -> dict[tuple[str, str], list[str]]:
    """The wire logs and messages of failed tests, by clause and service, out of Allure's results."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in sorted(results.glob("*-result.json")):
        result: dict[str, Any] = msgspec.json.decode(file.read_bytes())
        labels = {label["name"]: label["value"] for label in result.get("labels", [])}
        if result.get("status") in ("failed", "broken") and "story" in labels:
            key = labels["story"].partition(" ")[0], labels.get("service", "")
            found.setdefault(key, []).extend(_texts(results, result))
    return found


def _texts(results: Path, result: dict[str, Any]) -> list[str]:
    attached = [
        f"== {attachment['name']}\n{(results / attachment['source']).read_text(encoding='utf-8', errors='replace')}"
        for attachment in result.get("attachments", [])
        if (results / attachment["source"]).exists()
    ]
    return [f"== pytest\n{result.get('statusDetails', {}).get('message', '')}", *attached]
