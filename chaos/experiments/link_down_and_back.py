"""A partition between the services and all of their clients."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.commands_with_retries import CommandsWithRetries
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="link-down-and-back",
    purpose="Clients that are cut off together retry their commands and resume their channels when the link is back.",
    topology=Topology(services=("dhruva", "mahavishnu"), links=("shared",)),
    workloads=(
        FanOutWithResume(subscribers=4, rate=8, subscribe_on=("shared",), command_on="shared"),
        CommandsWithRetries(clients=2, rate=6, link="shared"),
    ),
    faults=(Recurring("down", on="shared", after=(1, 2), lasts=(1, 2.5)),),
    checkers=("delivery", "durability", "availability"),
    duration=14,
)
