"""From a saved history to a verdict: the same history always gives the same one."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

from bodhisattva.chaos.history import NEMESIS, History, HistoryError
from bodhisattva.chaos.registry import entry
from bodhisattva.chaos.schedule import Step
from bodhisattva.chaos.verdict import FaultReport, Judgement, Verdict, combine
from bodhisattva.chaos.vocabulary import PHASE, START, Phase, Start, values

SCHEMA = 1

Checker = Callable[[History], Judgement]


class Report(msgspec.Struct, frozen=True):
    """`verdict.json`. started: ISO 8601, UTC. duration: seconds from the first operation to the last.

    problems: steps of the run that did not finish; each makes the verdict unknown at best.
    """

    schema: int
    experiment: str
    seed: int
    stack: str
    log: str
    verdict: Verdict
    checkers: tuple[Judgement, ...]
    faults: tuple[FaultReport, ...]
    problems: tuple[str, ...]
    started: str
    duration: float
    command: str


def judge(history: History) -> Report:
    """Judge a run by the checkers that its first operation names; HistoryError if it is no run's history."""
    start = _start(history)
    judgements = tuple(_checker(name)(history) for name in start.checkers)
    faults = _fault_reports(history, start.schedule)
    problems = _problems(history)
    verdict = combine(
        [
            *(judgement.verdict for judgement in judgements),
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
        checkers=judgements,
        faults=faults,
        problems=problems,
        started=start.started,
        duration=round(history[-1].time, 3),
        command=start.command,
    )


def _start(history: History) -> Start:
    found = [start for _, start in values(history, START, "info", Start)]
    if not found:
        raise HistoryError("this history does not say which experiment it is of: it has no 'start'")
    return found[0]


def _checker(name: str) -> Checker:
    checker: Checker = entry("bodhisattva.chaos.checkers", "check", name)
    return checker


def _fault_reports(history: History, schedule: tuple[Step, ...]) -> tuple[FaultReport, ...]:
    """One report per scheduled step, also for those that never came."""
    phases: dict[int, dict[str, Any]] = defaultdict(dict)
    for operation in history:
        if operation.process == NEMESIS:
            phases[operation.value["step"]][operation.value["phase"]] = operation.value
    return tuple(_fault_report(step, phases[number]) for number, step in enumerate(schedule))


def _fault_report(step: Step, phases: dict[str, Any]) -> FaultReport:
    evidence = phases.get("evidence", {})
    measured = evidence.get("measured", {"unknown": "it was not injected, or not measured"})
    trouble = {"trouble": phases["trouble"]["error"]} if "trouble" in phases else {}
    return FaultReport(
        name=step.fault,
        target=step.target,
        bit=bool(evidence.get("bit", False)),
        healed="heal" in phases,
        evidence=measured | trouble,
    )


def _problems(history: History) -> tuple[str, ...]:
    """Phases that failed, and those that were under way when the history ends."""
    unfinished: dict[str, str] = {}
    for _, phase in values(history, PHASE, "info", Phase):
        unfinished.pop(phase.name, None)
        if phase.state != "ended":
            unfinished[phase.name] = f"{phase.name}: {phase.reason or 'did not finish'}"
    return tuple(unfinished.values())
