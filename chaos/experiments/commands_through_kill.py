"""Power failure while commands are on their way."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.commands_with_retries import CommandsWithRetries

EXPERIMENT = Experiment(
    name="commands-through-kill",
    purpose="What a service answered survives kill -9, and a command sent again is executed once.",
    topology=Topology(services=("mahavishnu", "dhruva"), links=("direct",)),
    workloads=(CommandsWithRetries(clients=4, rate=10, link="direct"),),
    faults=(Recurring("kill", on="services", after=(0.8, 1.8), lasts=(0.3, 1)),),
    checkers=("durability", "availability"),
    duration=14,
)
