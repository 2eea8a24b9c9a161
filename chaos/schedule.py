"""The generator of faults: when which fault hits which target, drawn before the run from one seed.

Each decision draws from a random stream of its own, named after what it decides: a fault added to an experiment, or a
workload that draws once more, changes no other stream. The same seed gives the same schedule.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import msgspec

from bodhisattva.chaos.fault import fault_named


class Recurring(msgspec.Struct, frozen=True):
    """A fault that comes and goes during the run; it never overlaps itself.

    on: the link, `services` or `store`, what it happens to. after, lasts: the bounds, in seconds, between which the
    quiet before each injection and its duration are drawn.
    """

    fault: str
    on: str
    after: tuple[float, float]
    lasts: tuple[float, float]


class Step(msgspec.Struct, frozen=True):
    """One injection. at, until: seconds since the workload began. target: `process`, `process/link` or `store`."""

    at: float
    until: float
    fault: str
    target: str
    parameters: dict[str, Any]


SERVICES = "services"
STORE = "store"


def rng_for(seed: int, name: str) -> Random:
    """The random stream called `name` of `seed`; equal on every machine and Python version."""
    return Random(f"{seed}/{name}")  # noqa: S311 - it must repeat, not surprise


def schedule(seed: int, faults: Sequence[Recurring], processes: Sequence[str], duration: float) -> tuple[Step, ...]:
    """All steps of a run in the order of their beginning."""
    steps = [
        step
        for number, recurring in enumerate(faults)
        for step in _steps(rng_for(seed, f"fault/{number}/{recurring.fault}"), recurring, processes, duration)
    ]
    return tuple(sorted(steps, key=lambda step: step.at))


def _steps(rng: Random, recurring: Recurring, processes: Sequence[str], duration: float) -> Iterator[Step]:
    fault = fault_named(recurring.fault)
    targets = list(processes)
    rng.shuffle(targets)
    until = 0.0
    for turn in range(int(duration)):
        at = round(until + rng.uniform(*recurring.after), 3)
        until = round(at + rng.uniform(*recurring.lasts), 3)
        if until > duration:
            return
        target = _target(recurring.on, targets[turn % len(targets)])
        yield Step(at, until, recurring.fault, target, fault.parameters(rng))


def _target(on: str, process: str) -> str:
    if on == STORE:
        return STORE
    return process if on == SERVICES else f"{process}/{on}"
