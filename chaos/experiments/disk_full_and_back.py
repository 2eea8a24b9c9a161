"""The disk is full while commands are on their way, and after a while it is not."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.commands_with_retries import CommandsWithRetries
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="disk-full-and-back",
    purpose="What a service could not store it neither answers nor delivers; with room on its disk it goes on.",
    topology=Topology(services=("mahavishnu", "excalidraw"), links=("direct",), own_store=True),
    workloads=(
        FanOutWithResume(subscribers=4, rate=8, subscribe_on=("direct",), command_on="direct"),
        CommandsWithRetries(clients=2, rate=8, link="direct"),
    ),
    faults=(Recurring("full-disk", on="services", after=(0.8, 1.8), lasts=(1, 3)),),
    checkers=("delivery", "durability", "availability"),
    duration=14,
)
