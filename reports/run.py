"""What a conformance run leaves behind: `run.json` (the plan of the run) and `results.jsonl` (what came out).

One line of `results.jsonl` is one clause judged on one service by one test. Lines that cannot be read
are kept as problems: a run with a problem is never a success.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec

from bodhisattva.reports.errors import ReportError

RUN_FILE = "run.json"
RESULTS_FILE = "results.jsonl"
CORE = "core"
NOT_RUN = "not run"
FLEET = "fleet"

ResultOutcome = Literal["passed", "failed", "unsupported", "unknown"]


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of the catalogue.

    feature: what a service may decline to claim, or "core" for what none may lack. baseline: the case of the
    suite's predecessor that it takes over. services: those it is about; empty means every one.
    per_service: judged on each of them, otherwise once on the fleet as a whole. profiles: those that it counts for,
    `profile` among them. why, causes: why it matters, and what is usually wrong where it fails.
    """

    id: str
    level: str
    section: str
    category: str
    profile: str
    text: str
    feature: str = CORE
    baseline: str | None = None
    services: list[str] = []
    per_service: bool = True
    profiles: list[str] = []
    why: str = ""
    causes: list[str] = []

    def counts_for(self, profile: str) -> bool:
        return profile in (self.profiles or [self.profile])

    @property
    def mandatory(self) -> bool:
        return self.level.startswith("MUST")

    @property
    def optional(self) -> bool:
        return self.feature != CORE

    def subjects(self, services: list[str]) -> list[str]:
        """Whom the clause is judged on, out of `services`."""
        if not self.per_service:
            return [FLEET]
        return [service for service in services if not self.services or service in self.services]


class Stack(msgspec.Struct, frozen=True, kw_only=True):
    """How the services ran, why that way, and where they kept their logs."""

    kind: str
    reason: str = ""
    log: str = "embedded"
    details: Any = None

    def __str__(self) -> str:
        return f"the {self.kind} stack, log {self.log}"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `results.jsonl`; duration in seconds. deviation: the link of a failure that is known.

    reason: a sentence; NOT_RUN where the run had a test for the clause and did not come to it. raw: the failure as
    pytest has it, where that is another text. seen: what went over each wire last.
    """

    clause: str
    service: str
    outcome: ResultOutcome
    nodeid: str
    duration: float = 0.0
    reason: str = ""
    deviation: str | None = None
    raw: str = ""
    seen: list[str] = []


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim of it states, after "the service", and the features that a claimant has to have."""

    means: str = ""
    requires: list[str] = []


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A clause that others rest on. symptom: a regular expression for failures of others that its own explains."""

    symptom: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`run.json`.

    implementation: a name, or the server's name by service. selected: only a part of the suite was selected.
    finished, exit: null until the run ended; exit is pytest's code. profiles: all of the catalogue's. claimed: those
    that the run judged; the catalogue has their clauses then, and no others. bases: clauses that others rest on, in
    that order. identity: of this run and no other. time_unit: seconds and their origin, in words. doubts: what went
    wrong with the run itself, a sentence each.
    """

    started: str
    stack: Stack
    services: list[str]
    selected: bool
    catalogue: list[Clause]
    finished: str | None = None
    implementation: str | dict[str, str] = "unknown"
    version: str = "unknown"
    command: str = ""
    workers: int = 1
    exit: int | None = None
    profiles: dict[str, Profile] = {}
    claimed: list[str] = []
    bases: dict[str, Base] = {}
    identity: str = ""
    time_unit: str = ""
    doubts: list[str] = []


class Run(msgspec.Struct, frozen=True):
    """A plan, the results that could be read, and what could not."""

    plan: Plan
    results: list[Result]
    problems: list[str]


def read(folder: Path) -> Run:
    """The run in `folder`. Raises ReportError if there is none or its plan cannot be read."""
    plan = _read_plan(folder / RUN_FILE)
    results, problems = _read_results(folder / RESULTS_FILE)
    return Run(plan, results, problems)


def _read_plan(file: Path) -> Plan:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Plan)
    except OSError as error:
        raise ReportError(f"no run to report on: {file}: {error.strerror}; give the folder of a run") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{file} is not a run's plan: {error}; run the suite again") from error


def _read_results(file: Path) -> tuple[list[Result], list[str]]:
    if not file.exists():
        return [], [f"{RESULTS_FILE} is missing"]
    results: list[Result] = []
    problems: list[str] = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            results.append(msgspec.json.decode(line, type=Result))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problems.append(f"{RESULTS_FILE} line {number}: {error}")
    return results, problems
