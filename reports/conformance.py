"""The verdict on an implementation: every clause of the catalogue on every service, and what it adds up to."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache

from bodhisattva.reports.causes import causes
from bodhisattva.reports.claims import SELECTED, claim, conclude, in_words, is_failure, is_gap
from bodhisattva.reports.first import came_to, first
from bodhisattva.reports.report import OUTCOMES, SCHEMA, Cell, Finding, Outcome, Report, Tally
from bodhisattva.reports.run import FLEET, Clause, Plan, Result, Run

WORST_FIRST: tuple[Outcome, ...] = ("failed", "unknown", "unsupported", "passed")
_CHECKOUT = "suites/"
EXIT_MEANING = {
    2: "it was interrupted",
    3: "pytest met an internal error",
    4: "pytest was called wrongly",
    5: "no test was collected",
}


def cells(run: Run) -> list[Cell]:
    """Every clause on every service it holds for, in the catalogue's order."""
    results: defaultdict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in run.results:
        results[result.clause, result.service].append(result)
    return [
        _cell(clause, subject, results[clause.id, subject])
        for clause in run.plan.catalogue
        for subject in clause.subjects(run.plan.services)
    ]


def columns(plan: Plan) -> list[str]:
    """The services in the order of the run, and the fleet where a clause is about it."""
    fleet = [] if all(clause.per_service for clause in plan.catalogue) else [FLEET]
    return [*plan.services, *fleet]


def judge(run: Run) -> Report:
    """The report on a run."""
    plan = run.plan
    judged = cells(run)
    problems = [*run.problems, *_problems(run, judged)]
    claims = {name: claim(name, plan, judged, problems) for name in plan.claimed or plan.profiles}
    failures = [_finding(plan, cell) for cell in judged if is_failure(cell)]
    gaps = [_finding(plan, cell) for cell in judged if is_gap(cell, _required(plan, cell))]
    warnings = [_finding(plan, cell) for cell in judged if _is_warning(cell)]
    verdict, reason = conclude(judged, failures, gaps, problems)
    return Report(
        schema=SCHEMA,
        implementation=plan.implementation,
        version=plan.version,
        stack=plan.stack,
        run=plan.identity,
        time_unit=plan.time_unit,
        started=plan.started,
        finished=plan.finished,
        selected=plan.selected,
        verdict=verdict,
        reason=in_words(claims) if plan.claimed else reason,
        clauses=len(plan.catalogue),
        counts=count(judged),
        services={name: count(c for c in judged if c.service == name) for name in columns(plan)},
        profiles=_profiles(plan, judged),
        claimed=plan.claimed,
        claims=claims,
        first=first(failures, came_to(gaps), plan.bases),
        failures=failures,
        gaps=gaps,
        warnings=warnings,
        problems=problems,
        reproduce=plan.command,
        causes=causes(judged),
    )


def _required(plan: Plan, cell: Cell) -> bool:
    """Whether a profile that the run claims requires the feature of the clause."""
    return any(
        cell.clause.counts_for(name) and cell.clause.feature in plan.profiles[name].requires
        for name in plan.claimed
        if name in plan.profiles
    )


def count(judged: Iterable[Cell]) -> dict[Outcome, int]:
    """How many cells have each outcome; every outcome is a key."""
    counter = Counter(cell.outcome for cell in judged)
    return {outcome: counter[outcome] for outcome in OUTCOMES}


def reproduce(plan: Plan, nodeid: str) -> str:
    """The command that runs one test again on the same stack, beside what this run left; without a test its own."""
    if not nodeid:
        return plan.command
    target = _option(plan.command, "--target")
    beside = ["--out", "out/again"]
    if target and not nodeid.startswith(_CHECKOUT):  # of `bodhisattva check`, which knows where the suite lies
        name = nodeid.rpartition("::")[2].partition(" ")[0]  # -k takes no blank, and a part of the name
        return shlex.join(["bodhisattva", "check", target[1], *beside, "-k", name])
    log = ["--log", plan.stack.log] if plan.stack.log == "redis" else []
    where = ["--stack", plan.stack.kind, *log, *target, *_option(plan.command, "--launcher")]
    return shlex.join(["python", "-m", "pytest", *where, *beside, nodeid])


def _option(command: str, name: str) -> list[str]:
    """An option of a command line with its value; nothing where it was not given."""
    words = [
        part for word in _words(command) for part in (word.split("=", 1) if word.startswith(f"{name}=") else [word])
    ]
    return words[words.index(name) :][:2] if name in words else []


@cache
def _words(command: str) -> list[str]:
    """Split once: a command that names hundreds of tests is looked at for each finding."""
    return shlex.split(command)


def _cell(clause: Clause, service: str, results: list[Result]) -> Cell:
    if not results:
        return Cell(clause=clause, service=service, outcome="missing", reason="no test reported on it")
    worst = min(results, key=lambda result: WORST_FIRST.index(result.outcome))
    return Cell(
        clause=clause,
        service=service,
        outcome=worst.outcome,
        reason=worst.reason,
        nodeid=worst.nodeid,
        duration=sum(result.duration for result in results),
        deviation=worst.deviation,
        raw=worst.raw,
        seen=worst.seen,
    )


def _is_warning(cell: Cell) -> bool:
    return not cell.clause.mandatory and cell.outcome in ("failed", "unknown", "missing")


def _finding(plan: Plan, cell: Cell) -> Finding:
    return Finding(
        clause=cell.clause.id,
        service=cell.service,
        level=cell.clause.level,
        section=cell.clause.section,
        text=cell.clause.text,
        outcome=cell.outcome,
        reason=cell.reason,
        nodeid=cell.nodeid,
        reproduce=reproduce(plan, cell.nodeid),
        deviation=cell.deviation,
        profiles=cell.clause.profiles or [cell.clause.profile],
        raw=cell.raw,
        seen=cell.seen,
        why=cell.clause.why,
        causes=cell.clause.causes,
        explain=f"bodhisattva explain {cell.clause.id}",
    )


def _problems(run: Run, judged: list[Cell]) -> list[str]:
    problems: list[str] = []
    if run.plan.selected:
        problems.append(SELECTED)
    problems += run.plan.doubts
    expected = {(cell.clause.id, cell.service) for cell in judged}
    strays = sorted({(r.clause, r.service) for r in run.results} - expected)
    problems += [f"{clause} on {service} has a result but is not planned" for clause, service in strays]
    duplicates = Counter(clause.id for clause in run.plan.catalogue)
    problems += [f"{name} stands {times} times in the catalogue" for name, times in duplicates.items() if times > 1]
    return problems + _end_problems(run)


def _end_problems(run: Run) -> list[str]:
    """Doubts about how the run ended: a red exit has to be explained by a failure that the report shows."""
    code = run.plan.exit
    if run.plan.finished is None or code is None:
        return ["the run did not end"]
    if code == 0:
        return []
    if code == 1 and any(result.outcome in ("failed", "unknown") for result in run.results):
        return []
    return [f"the run ended with exit code {code}: {EXIT_MEANING.get(code, 'no result explains it')}"]


def _profiles(plan: Plan, judged: list[Cell]) -> dict[str, dict[str, Tally]]:
    """The cells of each profile on each service; of the profiles that were claimed, if any were."""
    grouped: defaultdict[str, defaultdict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in judged:
        for profile in cell.clause.profiles or [cell.clause.profile]:
            if not plan.claimed or profile in plan.claimed:
                grouped[profile][cell.service].append(cell)
    return {
        profile: {service: _tally(grouped[profile][service]) for service in columns(plan) if grouped[profile][service]}
        for profile in sorted(grouped)
    }


def _tally(group: list[Cell]) -> Tally:
    lists = {outcome: [cell.clause.id for cell in group if cell.outcome == outcome] for outcome in OUTCOMES}
    return Tally(count(group), **lists)
