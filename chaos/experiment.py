"""An experiment as data: topology, workloads, faults and checkers."""

from dataclasses import dataclass

from bodhisattva.chaos.registry import entries, entry
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workload import Workload

PACKAGE = "bodhisattva.chaos.experiments"


@dataclass(frozen=True)
class Experiment:
    """purpose: one sentence on what it would show. duration: seconds in which faults may happen.

    checkers: names of `chaos/checkers`. command: that runs it, if it is not `run NAME`; it may have no faults.
    """

    name: str
    purpose: str
    topology: Topology
    workloads: tuple[Workload, ...]
    faults: tuple[Recurring, ...]
    checkers: tuple[str, ...]
    duration: float
    command: str = ""


def experiments() -> dict[str, Experiment]:
    """Every experiment by its name."""
    return entries(PACKAGE, "EXPERIMENT")


def experiment_named(name: str) -> Experiment:
    """The experiment of that name, or UnknownName."""
    found: Experiment = entry(PACKAGE, "EXPERIMENT", name)
    return found
