"""What a run leaves: `bench.json`, described by `schema/bench-1.json`; and how its medians and ratios are taken."""

import statistics
from collections.abc import Iterable, Sequence

import msgspec

from bodhisattva.servers.bench.machine import Machine
from bodhisattva.servers.bench.plan import LOADS, TARGETS, Target, Unit
from bodhisattva.servers.bench.sizes import Size
from bodhisattva.servers.bench.subjects import OURS

SCHEMA = "bodhisattva.bench/1"
RESULT_FILE = "bench.json"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One subject's turn at one load. repetition: from 1. load_average: of the machine, when it began."""

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
    """A target, and the median ratio, or the median where it is beside nobody; None where that was not measured."""

    load: str
    figure: str
    beside: str | None
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
    others = {beside.name: _values(runs, load, figure, beside.name) for beside in LOADS[load].beside}
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
    beside = target.beside.name if target.beside else None
    spread = None if row is None else row.ratios.get(beside) if beside else row.value
    measured = None if spread is None else spread.median
    return Judged(
        load=target.load,
        figure=target.figure,
        beside=beside,
        at_least=target.at_least,
        bound=target.bound,
        measured=measured,
        met=None if measured is None else target.met(measured),
    )
