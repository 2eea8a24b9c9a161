"""What a run leaves: `bench.json`, described by `schema/bench-1.json`; and how its medians and ratios are taken."""

import statistics
from collections.abc import Iterable, Sequence

import msgspec

from bodhisattva.chaos.bench.machine import Machine
from bodhisattva.chaos.bench.plan import LOADS, TARGETS, Target, Unit
from bodhisattva.chaos.bench.sizes import Size
from bodhisattva.chaos.bench.subjects import OURS

SCHEMA = "bodhisattva.bench/1"
RESULT_FILE = "bench.json"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One subject under one load. repetition: from 1. load_average: of the machine, when it began."""

    load: str
    subject: str
    repetition: int
    load_average: float
    measures: dict[str, float]


class Spread(msgspec.Struct, frozen=True):
    """The middle of the repetitions, and their ends."""

    median: float
    least: float
    most: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a subject over all repetitions. ratios: by subject, each taken within one repetition."""

    load: str
    figure: str
    unit: Unit
    subject: str
    value: Spread
    ratios: dict[str, Spread]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A target, and the median ratio to the baseline, or the median without one; None if it was not measured."""

    load: str
    figure: str
    baseline: str | None = msgspec.field(name="beside")
    at_least: bool
    bound: float
    measured: float | None
    met: bool | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """started: ISO 8601, UTC. command: that measured it. versions: of what was measured, by package."""

    schema: str = SCHEMA
    started: str
    seconds: float
    command: list[str]
    machine: Machine
    versions: dict[str, str]
    size: Size
    runs: list[Run]
    rows: list[Row]
    targets: list[Judged]


def rows(runs: Sequence[Run]) -> list[Row]:
    """Every figure of every subject, by load, in the order of the plan."""
    return [
        _row(name, figure, unit, subject.name, runs)
        for name, load in LOADS.items()
        for figure, unit in load.figures.items()
        for subject in load.subjects
        if _values(runs, name, figure, subject.name)
    ]


def _row(load: str, figure: str, unit: Unit, subject: str, runs: Sequence[Run]) -> Row:
    own = _values(runs, load, figure, subject)
    others = {other.name: _values(runs, load, figure, other.name) for other in LOADS[load].baselines}
    ratios = {
        name: spread_of(own[repetition] / theirs[repetition] for repetition in own.keys() & theirs.keys())
        for name, theirs in others.items()
        if own.keys() & theirs.keys() and all(theirs.values())
    }
    return Row(load=load, figure=figure, unit=unit, subject=subject, value=spread_of(own.values()), ratios=ratios)


def _values(runs: Sequence[Run], load: str, figure: str, subject: str) -> dict[int, float]:
    """By repetition."""
    mine = [run for run in runs if (run.load, run.subject) == (load, subject)]
    return {run.repetition: run.measures[figure] for run in mine}


def spread_of(values: Iterable[float]) -> Spread:
    known = sorted(values)
    return Spread(statistics.median(known), known[0], known[-1])


def judged(found: Sequence[Row]) -> list[Judged]:
    """Each target, and whether the service meets it."""
    return [_judge(target, found) for target in TARGETS]


def _judge(target: Target, found: Sequence[Row]) -> Judged:
    wanted = (target.load, target.figure, OURS.name)
    row = next((row for row in found if (row.load, row.figure, row.subject) == wanted), None)
    baseline = target.baseline.name if target.baseline else None
    spread = None if row is None else row.ratios.get(baseline) if baseline else row.value
    measured = None if spread is None else spread.median
    return Judged(
        load=target.load,
        figure=target.figure,
        baseline=baseline,
        at_least=target.at_least,
        bound=target.bound,
        measured=measured,
        met=None if measured is None else target.met(measured),
    )
