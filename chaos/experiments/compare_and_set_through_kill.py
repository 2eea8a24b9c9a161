"""Compare-and-set races while replicas are killed."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.compare_and_set_race import CompareAndSetRace

EXPERIMENT = Experiment(
    name="compare-and-set-through-kill",
    purpose="Of compare-and-sets at two replicas exactly one wins each version, whichever replica dies meanwhile.",
    topology=Topology(services=("fastblocks",), links=("direct",), replicas=2),
    workloads=(CompareAndSetRace(clients=6, rate=20, link="direct"),),
    faults=(Recurring("kill", on="services", after=(1, 2), lasts=(0.3, 1)),),
    checkers=("register",),
    duration=10,
)
