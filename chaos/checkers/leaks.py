"""Does a service release all that its clients used? The bounds are here, and nowhere else.

Every count must be, at both idle stages, at most what it was at the baseline. Two are exceptions: an answer may still
be kept (see ALLOWED), and a database opens files when it is first used, so descriptors are compared with the first
idle stage.

Memory never returns to the baseline: an allocator keeps what it once had. So memory at the second idle stage is
compared with the first, and the last third of the soak with its first third.
"""

import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bodhisattva.chaos.gauges import ALLOWED, CONNECTIONS, COUNTS, DESCRIPTORS, MEMORY
from bodhisattva.chaos.history import History
from bodhisattva.chaos.operations import BASELINE, CHURN, FIRST_IDLE, GAUGES, SECOND_IDLE, SOAK, Churn, Gauges, values
from bodhisattva.chaos.verdict import CheckResult, Verdict

MEGABYTE = 1e6
WHEN_IDLE = 4 * MEGABYTE
IN_SOAK = 8 * MEGABYTE
ENOUGH = 0.7  # of the wanted connections, in the median: some clients are always between two connections
FEW = 0.02  # of all connections may end otherwise than by their client's way

Values = dict[str, float]


@dataclass(frozen=True)
class Readings:
    """idle: the last gauges of each idle stage. soak: the samples of the soak. clients: at a time.

    completed, failed: connections by their ending, and by the reason of another end.
    """

    idle: dict[str, Values]
    soak: list[Values]
    clients: int
    completed: Counter[str]
    failed: Counter[str]
    errors: list[str]


def check(history: History) -> CheckResult:
    """Invalid if something grew or the service was gone; unknown if it was not read, or not put under load."""
    readings = _readings(history)
    complete = {BASELINE, FIRST_IDLE, SECOND_IDLE} <= readings.idle.keys()
    findings = [*readings.errors[:1], *(_grown(readings) if complete else ())]
    details: dict[str, Any] = {
        "findings": findings,
        "connections": dict(sorted(readings.completed.items())),
        "failed": dict(sorted(readings.failed.items())),
        "idle": readings.idle,
    }
    if findings:
        return CheckResult("leaks", Verdict.INVALID, details)
    doubts = list(_doubts(readings)) if complete else ["the run ended before the second idle stage"]
    if doubts:
        return CheckResult("leaks", Verdict.UNKNOWN, details | {"unknown": "; ".join(doubts)})
    return CheckResult("leaks", Verdict.VALID, details)


def _readings(history: History) -> Readings:
    churn = list(values(history, CHURN, None, Churn))
    return Readings(
        idle={each.stage: each.values for _, each in values(history, GAUGES, "ok", Gauges)},
        soak=[each.values for _, each in values(history, GAUGES, "info", Gauges) if each.stage == SOAK],
        clients=len({operation.process for operation, _ in churn}),
        completed=Counter(each.ending for operation, each in churn if operation.type == "ok"),
        failed=Counter(f"{each.ending}: {each.reason}" for _, each in churn if each.reason),
        errors=[f"{GAUGES}: {each.error}" for _, each in values(history, GAUGES, "fail", Gauges)],
    )


def _grown(readings: Readings) -> Iterator[str]:
    for stage in (FIRST_IDLE, SECOND_IDLE):
        for metric, name in COUNTS.items():
            before = FIRST_IDLE if metric == DESCRIPTORS else BASELINE
            was, now = readings.idle[before][metric], readings.idle[stage][metric]
            if now > was + ALLOWED.get(metric, 0):
                yield f"{name}: {now:.0f} in the stage {stage!r}, {was:.0f} in the stage {before!r}"
    grown = readings.idle[SECOND_IDLE][MEMORY] - readings.idle[FIRST_IDLE][MEMORY]
    if grown > WHEN_IDLE:
        each = grown / max(1, readings.completed.total())
        yield f"memory: {_mb(grown)} more when idle again than when idle first, {each:,.0f} bytes a connection"
    memory = [sample[MEMORY] for sample in readings.soak]
    third = len(memory) // 3
    if third and (risen := statistics.median(memory[-third:]) - statistics.median(memory[:third])) > IN_SOAK:
        yield f"memory: {_mb(risen)} more in the last third of the soak than in its first"


def _doubts(readings: Readings) -> Iterator[str]:
    connections = statistics.median([sample[CONNECTIONS] for sample in readings.soak] or [0.0])
    if connections < ENOUGH * readings.clients or not readings.clients:
        yield f"{readings.clients} connections were due, and in the median there were {connections:.0f}"
    failed = readings.failed.total()
    if failed > FEW * readings.completed.total():
        yield f"{failed} connections failed: {'; '.join(sorted(readings.failed))}"


def _mb(size: float) -> str:
    return f"{size / MEGABYTE:.1f} MB"
