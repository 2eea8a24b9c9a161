"""The store stands still without dying, as behind a full disk or a moving machine."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.commands_with_retries import CommandsWithRetries
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="store-paused",
    purpose="A Redis that stands still and goes on loses no command and no event of the services on it.",
    topology=Topology(services=("crackerjack",), links=("direct",), replicas=2),
    workloads=(
        FanOutWithResume(subscribers=4, rate=8, subscribe_on=("direct",), command_on="direct"),
        CommandsWithRetries(clients=2, rate=8, link="direct"),
    ),
    faults=(Recurring("pause", on="store", after=(1, 2), lasts=(1.5, 3)),),
    checkers=("delivery", "durability", "availability"),
    duration=13,
)
