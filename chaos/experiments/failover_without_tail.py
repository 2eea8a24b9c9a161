"""The store comes back without the end of what it had acknowledged; clients must learn of that."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="failover-without-tail",
    purpose="Replicas whose Redis lost the log's end begin a new epoch, resume nothing across it, and lose no more.",
    topology=Topology(services=("fastblocks",), links=("direct",), replicas=2),
    workloads=(FanOutWithResume(subscribers=4, rate=20, subscribe_on=("direct",), command_on="direct"),),
    faults=(Recurring("lose-tail", on="store", after=(1, 2), lasts=(2.5, 3)),),
    checkers=("epochs", "durability", "availability"),
    duration=12,
)
