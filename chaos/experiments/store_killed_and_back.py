"""The store that replicas share dies and comes back with what was on its disk."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.commands_with_retries import CommandsWithRetries
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="store-killed-and-back",
    purpose="kill -9 of Redis loses nothing that was answered or delivered, and its services go on by themselves.",
    topology=Topology(services=("session-buddy",), links=("direct",), replicas=2),
    workloads=(
        FanOutWithResume(subscribers=4, rate=8, subscribe_on=("direct",), command_on="direct"),
        CommandsWithRetries(clients=2, rate=8, link="direct"),
    ),
    faults=(Recurring("kill", on="store", after=(1, 2), lasts=(0.5, 1.5)),),
    checkers=("delivery", "durability", "availability"),
    duration=12,
)
