"""An experiment as data: which services behind which links, who does what, what breaks, and who judges."""

from dataclasses import dataclass

from bodhisattva.chaos.registry import entries, entry
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workload import Workload

PACKAGE = "bodhisattva.chaos.experiments"


@dataclass(frozen=True)
class Experiment:
    """purpose: one sentence on what it would show. duration: seconds in which faults may happen.

    checkers: names of `chaos/checkers`.
    """

    name: str
    purpose: str
    topology: Topology
    workloads: tuple[Workload, ...]
    faults: tuple[Recurring, ...]
    checkers: tuple[str, ...]
    duration: float


def experiments() -> dict[str, Experiment]:
    """Every experiment by its name."""
    return entries(PACKAGE, "EXPERIMENT")


def experiment_named(name: str) -> Experiment:
    """The experiment of that name, or UnknownName."""
    found: Experiment = entry(PACKAGE, "EXPERIMENT", name)
    return found
