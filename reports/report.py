"""The content of a conformance report: `conformance.json`, described by `schema/conformance-1.json`."""

from typing import Literal

import msgspec

from bodhisattva.reports.run import Clause, Stack

SCHEMA = "bodhisattva.conformance/1"
CONFORMANCE_FILE = "conformance.json"

Outcome = Literal["passed", "failed", "unsupported", "unknown", "missing"]
Verdict = Literal["passed", "failed", "partial", "empty"]

OUTCOMES: tuple[Outcome, ...] = ("passed", "failed", "unsupported", "unknown", "missing")


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One clause on one service or the fleet: the worst of its results, their time in seconds summed."""

    clause: Clause
    service: str
    outcome: Outcome
    reason: str = ""
    nodeid: str = ""
    duration: float = 0.0
    deviation: str | None = None


class Tally(msgspec.Struct, frozen=True):
    """The clauses of one profile on one service, by outcome."""

    counts: dict[Outcome, int]
    passed: list[str]
    failed: list[str]
    unsupported: list[str]
    unknown: list[str]
    missing: list[str]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the matrix, with the command that repeats it. deviation: where a known failure is owned."""

    clause: str
    service: str
    level: str
    section: str
    text: str
    outcome: Outcome
    reason: str
    nodeid: str
    reproduce: str
    deviation: str | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`conformance.json`.

    failures: MUST clauses broken, known deviations among them. gaps: MUST clauses not judged. warnings: the
    other clauses that did not pass. problems: what makes the run itself doubtful. causes: a sentence for each base fact
    that does not hold, of which gaps are the consequence.
    """

    schema: str
    implementation: str | dict[str, str]
    version: str
    stack: Stack
    started: str
    finished: str | None
    selected: bool
    verdict: Verdict
    reason: str
    clauses: int
    counts: dict[Outcome, int]
    services: dict[str, dict[Outcome, int]]
    profiles: dict[str, dict[str, Tally]]
    failures: list[Finding]
    gaps: list[Finding]
    warnings: list[Finding]
    problems: list[str]
    reproduce: str
    causes: list[str] = []


def title(report: Report) -> str:
    """What was judged, in a few words."""
    if isinstance(report.implementation, str):
        name = report.implementation
    else:
        name = ", ".join(dict.fromkeys(report.implementation.values())) or "services without a name"
    return f"{name} {report.version}".strip()


def encode(report: Report) -> bytes:
    """The bytes of `conformance.json`: the same run gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
