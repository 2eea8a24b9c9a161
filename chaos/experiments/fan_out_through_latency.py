"""Added latency must reorder and lose nothing."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="fan-out-through-latency",
    purpose="Subscribers behind a slow link receive every event once and in order, and delay no other client.",
    topology=Topology(services=("fastblocks", "session-buddy"), links=("direct", "slow")),
    workloads=(FanOutWithResume(subscribers=6, rate=12, subscribe_on=("direct", "slow"), command_on="direct"),),
    faults=(Recurring("latency", on="slow", after=(0.5, 1.5), lasts=(1.5, 3)),),
    checkers=("delivery", "durability", "availability"),
    duration=12,
)
