"""From a saved history to a verdict: the same history always gives the same one."""

from collections import defaultdict
from collections.abc import Callable, Iterator

import msgspec

from bodhisattva.chaos.history import History, HistoryError
from bodhisattva.chaos.operations import COMMAND, PHASE, SET, START, Injection, Phase, Start, injections, values
from bodhisattva.chaos.registry import entry
from bodhisattva.chaos.schedule import Step
from bodhisattva.chaos.verdict import CheckResult, FaultReport, Verdict, combine

VERDICT_FILE = "verdict.json"
SCHEMA = 1

Checker = Callable[[History], CheckResult]


class Report(msgspec.Struct, frozen=True):
    """`verdict.json`. started: ISO 8601, UTC. duration: seconds from the first operation to the last.

    problems: unfinished phases, faults that hit no operation; each makes the verdict unknown at best.
    """

    schema: int
    experiment: str
    seed: int
    stack: str
    log: str
    verdict: Verdict
    checkers: tuple[CheckResult, ...]
    faults: tuple[FaultReport, ...]
    problems: tuple[str, ...]
    started: str
    duration: float
    command: str
    expects_faults: bool = True


def encode(report: Report) -> bytes:
    """The bytes of `verdict.json`."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def judge(history: History) -> Report:
    """Judge a run by the checkers that its first operation names; HistoryError if it is no run's history."""
    start = _start(history)
    results = tuple(_checker(name)(history) for name in start.checkers)
    injected = _injections(history)
    faults = tuple(_fault_report(step, injected[number]) for number, step in enumerate(start.schedule))
    idle = _idle(history, faults, injected) if start.expects_faults else ()
    problems = (*_unfinished(history), *idle)
    verdict = combine(
        [
            *(result.verdict for result in results),
            *(Verdict.UNKNOWN for fault in faults if not fault.counts),
            *(Verdict.UNKNOWN for _ in problems),
        ]
    )
    return Report(
        schema=SCHEMA,
        experiment=start.experiment,
        seed=start.seed,
        stack=start.stack,
        log=start.log,
        verdict=verdict,
        checkers=results,
        faults=faults,
        problems=problems,
        started=start.started,
        duration=round(history[-1].time, 3),
        command=start.command,
        expects_faults=start.expects_faults,
    )


def _start(history: History) -> Start:
    found = [start for _, start in values(history, START, "info", Start)]
    if not found:
        raise HistoryError("this history does not name its experiment: it has no 'start'")
    return found[0]


def _checker(name: str) -> Checker:
    checker: Checker = entry("bodhisattva.chaos.checkers", "check", name)
    return checker


Phases = dict[str, tuple[float, Injection]]


def _injections(history: History) -> dict[int, Phases]:
    """The time and value of each phase of each scheduled step, also of steps that never came."""
    phases: dict[int, Phases] = defaultdict(dict)
    for operation, injection in injections(history):
        phases[injection.step][injection.phase] = (operation.time, injection)
    return phases


def _fault_report(step: Step, phases: Phases) -> FaultReport:
    _, evidence = phases.get("evidence", (0.0, None))
    _, trouble = phases.get("trouble", (0.0, None))
    measured = evidence.measured if evidence else {"unknown": "it was not injected, or not measured"}
    return FaultReport(
        name=step.fault,
        target=step.target,
        bit=evidence is not None and evidence.bit,
        healed="heal" in phases,
        evidence=measured | ({"trouble": trouble.error} if trouble else {}),
    )


def _idle(history: History, faults: tuple[FaultReport, ...], injected: dict[int, Phases]) -> Iterator[str]:
    """Faults during which no operation was under way; they test nothing."""
    if not faults:
        yield "no fault was scheduled"
    work = list(_work(history))
    for number, fault in enumerate(faults):
        if fault.counts:
            (begun, _), (over, _) = injected[number].get("inject", (0.0, None)), injected[number]["heal"]
            if not any(began < over and ended > begun for began, ended in work):
                between = f"from {begun:.1f} to {over:.1f} s"
                yield f"{fault.name} on {fault.target} hit no operation: none was under way {between}"


def _work(history: History) -> Iterator[tuple[float, float]]:
    """When each command, and each compare-and-set, began and ended; a process has one at a time."""
    under_way: dict[str, float] = {}
    for operation in history:
        if operation.f in (COMMAND, SET):
            if operation.type == "invoke":
                under_way[operation.process] = operation.time
            elif operation.process in under_way:
                yield under_way.pop(operation.process), operation.time
    yield from ((began, history[-1].time) for began in under_way.values())


def _unfinished(history: History) -> tuple[str, ...]:
    """Phases that failed, and those that were under way when the history ends."""
    unfinished: dict[str, str] = {}
    for _, phase in values(history, PHASE, "info", Phase):
        unfinished.pop(phase.name, None)
        if phase.state != "ended":
            unfinished[phase.name] = f"{phase.name}: {phase.reason or 'did not finish'}"
    return tuple(unfinished.values())
