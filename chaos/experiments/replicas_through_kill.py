"""Either of two replicas dies, again and again; the other goes on."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.commands_with_retries import CommandsWithRetries
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="replicas-through-kill",
    purpose="What any replica answered survives kill -9 of it, and its clients go on at the other.",
    topology=Topology(services=("fastblocks",), links=("direct",), replicas=2),
    workloads=(
        FanOutWithResume(subscribers=4, rate=8, subscribe_on=("direct",), command_on="direct"),
        CommandsWithRetries(clients=2, rate=8, link="direct"),
    ),
    faults=(Recurring("kill", on="services", after=(0.8, 1.8), lasts=(0.3, 1)),),
    checkers=("delivery", "durability", "availability"),
    duration=12,
)
