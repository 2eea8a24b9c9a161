"""Replicas are restarted in turn while clients work."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.commands_with_retries import CommandsWithRetries
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="rolling-deployment",
    purpose="Replicas that are restarted in turn lose and double nothing, and their clients go on at the other.",
    topology=Topology(services=("dhruva",), links=("direct",), replicas=2),
    workloads=(
        FanOutWithResume(subscribers=4, rate=8, subscribe_on=("direct",), command_on="direct"),
        CommandsWithRetries(clients=2, rate=8, link="direct"),
    ),
    faults=(Recurring("stop", on="services", after=(2, 3), lasts=(0.3, 0.8)),),
    checkers=("delivery", "durability", "availability"),
    duration=14,
)
