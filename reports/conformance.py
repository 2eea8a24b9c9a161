"""The verdict on an implementation: every clause of the catalogue on every service, and what it adds up to."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable

from bodhisattva.reports.causes import causes
from bodhisattva.reports.report import OUTCOMES, SCHEMA, Cell, Finding, Outcome, Report, Tally, Verdict
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
    judged = cells(run)
    failures = [_finding(run.plan, cell) for cell in judged if _is_failure(cell)]
    gaps = [_finding(run.plan, cell) for cell in judged if _is_gap(cell)]
    warnings = [_finding(run.plan, cell) for cell in judged if _is_warning(cell)]
    problems = [*run.problems, *_problems(run, judged)]
    verdict, reason = _verdict(judged, failures, gaps, problems)
    return Report(
        schema=SCHEMA,
        implementation=run.plan.implementation,
        version=run.plan.version,
        stack=run.plan.stack,
        started=run.plan.started,
        finished=run.plan.finished,
        selected=run.plan.selected,
        verdict=verdict,
        reason=reason,
        clauses=len(run.plan.catalogue),
        counts=count(judged),
        services={name: count(c for c in judged if c.service == name) for name in columns(run.plan)},
        profiles=_profiles(run.plan, judged),
        failures=failures,
        gaps=gaps,
        warnings=warnings,
        problems=problems,
        reproduce=run.plan.command,
        causes=causes(judged),
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
        part
        for word in shlex.split(command)
        for part in (word.split("=", 1) if word.startswith(f"{name}=") else [word])
    ]
    return words[words.index(name) :][:2] if name in words else []


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
    )


def _is_failure(cell: Cell) -> bool:
    return cell.clause.mandatory and cell.outcome == "failed"


def _is_gap(cell: Cell) -> bool:
    """Only a declared feature excuses a MUST: without one, unsupported is not an answer."""
    if not cell.clause.mandatory:
        return False
    return cell.outcome in ("unknown", "missing") or (cell.outcome == "unsupported" and not cell.clause.optional)


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
    )


def _problems(run: Run, judged: list[Cell]) -> list[str]:
    problems: list[str] = []
    if run.plan.selected:
        problems.append("only a selected part of the suite was run")
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


def _verdict(
    judged: list[Cell], failures: list[Finding], gaps: list[Finding], problems: list[str]
) -> tuple[Verdict, str]:
    ran = [cell for cell in judged if cell.clause.mandatory and cell.outcome in ("passed", "failed")]
    doubts = [f"{len(gaps)} {_checks(gaps)} not judged"] if gaps else []
    doubts += [problems[0] if len(problems) == 1 else f"{len(problems)} problems with the run"] if problems else []
    if not ran:
        return "empty", "no MUST clause was judged on any service"
    if failures:
        known = sum(finding.deviation is not None for finding in failures)
        owned = f" ({known} known and owned)" if known else ""
        return "failed", "; ".join([f"{len(failures)} {_checks(failures)} failed{owned}", *doubts])
    if doubts:
        return "partial", "; ".join(doubts)
    return "passed", f"all {len(ran)} MUST checks that apply passed"


def _checks(findings: list[Finding]) -> str:
    return "MUST check" if len(findings) == 1 else "MUST checks"


def _profiles(plan: Plan, judged: list[Cell]) -> dict[str, dict[str, Tally]]:
    grouped: defaultdict[str, defaultdict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in judged:
        grouped[cell.clause.profile][cell.service].append(cell)
    return {
        profile: {service: _tally(grouped[profile][service]) for service in columns(plan) if grouped[profile][service]}
        for profile in sorted(grouped)
    }


def _tally(group: list[Cell]) -> Tally:
    lists = {outcome: [cell.clause.id for cell in group if cell.outcome == outcome] for outcome in OUTCOMES}
    return Tally(count(group), **lists)
