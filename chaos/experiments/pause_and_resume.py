"""A service that stops without dying, as under memory pressure or a migrating machine."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.commands_with_retries import CommandsWithRetries
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="pause-and-resume",
    purpose="A frozen service that goes on loses no command and no event, although its clients gave up on it.",
    topology=Topology(services=("session-buddy", "crackerjack"), links=("direct",)),
    workloads=(
        FanOutWithResume(subscribers=4, rate=8, subscribe_on=("direct",), command_on="direct"),
        CommandsWithRetries(clients=2, rate=6, link="direct"),
    ),
    faults=(Recurring("pause", on="services", after=(0.8, 1.8), lasts=(1.5, 4)),),
    checkers=("delivery", "durability", "availability"),
    duration=15,
)
