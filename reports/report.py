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
    raw: str = ""
    seen: list[str] = []


class Tally(msgspec.Struct, frozen=True):
    """The clauses of one profile on one service, by outcome."""

    counts: dict[Outcome, int]
    passed: list[str]
    failed: list[str]
    unsupported: list[str]
    unknown: list[str]
    missing: list[str]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the matrix, with the command that repeats it. deviation: where a known failure is owned.

    profiles: those that it counts for. raw: the failure as pytest has it, where that is another text than the reason.
    seen: what went over each wire last. why, causes: why it matters, and what is usually wrong. explain: the command
    that shows these.
    """

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
    profiles: list[str]
    raw: str
    seen: list[str]
    why: str
    causes: list[str]
    explain: str


class First(msgspec.Struct, frozen=True):
    """One thing to do: the clause to begin with, where and how far it reaches, the reason, the command for more."""

    clause: str
    where: str
    reason: str
    explain: str


class Lack(msgspec.Struct, frozen=True):
    """A MUST that a claim is without: broken, not judged, or of a required feature that is not claimed."""

    clause: str
    service: str
    outcome: Outcome
    reason: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Whether what was judged conforms to a profile; only the verdict passed means that it does.

    means: what that states, after "the service". The counts are of MUST checks: `of` are all, without those of
    features that are neither claimed nor required (`unsupported`).
    """

    verdict: Verdict
    reason: str
    means: str
    passed: int
    failed: int
    unknown: int
    missing: int
    unsupported: int
    of: int
    lacking: list[Lack]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`conformance.json`.

    failures: MUST clauses broken, known deviations among them. gaps: MUST clauses not judged. warnings: the
    other clauses that did not pass. problems: what makes the run itself doubtful. claimed: the profiles that the run
    judged and ends by; without one it judged the whole suite. claims: by profile; those that were claimed, or all.
    first: what to do first, at most three things. run: its id. time_unit: in words. causes: a sentence for each base
    fact that does not hold, of which gaps are the consequence.
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
    claimed: list[str]
    claims: dict[str, Claim]
    first: list[First]
    failures: list[Finding]
    gaps: list[Finding]
    warnings: list[Finding]
    problems: list[str]
    reproduce: str
    run: str = ""
    time_unit: str = ""
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
