"""Torn connections, again and again: the hardest test of resuming."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="fan-out-through-resets",
    purpose="Subscribers whose connections are reset resume without a gap and without a duplicate.",
    topology=Topology(services=("excalidraw", "crackerjack"), links=("direct", "torn")),
    workloads=(FanOutWithResume(subscribers=6, rate=12, subscribe_on=("torn", "torn", "direct"), command_on="direct"),),
    faults=(Recurring("reset-peer", on="torn", after=(0.7, 1.5), lasts=(0.8, 1.8)),),
    checkers=("delivery", "durability", "availability"),
    duration=14,
)
