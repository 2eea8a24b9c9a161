"""The way from one replica to the store is cut or slow, while the other has it whole."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.commands_with_retries import CommandsWithRetries
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="replica-cut-off-from-store",
    purpose="A replica that is cut off from Redis, or reaches it late, tells and answers nothing that is not so.",
    topology=Topology(services=("excalidraw",), links=("direct",), replicas=2),
    workloads=(
        FanOutWithResume(subscribers=4, rate=8, listen_on=("direct",), command_on="direct"),
        CommandsWithRetries(clients=2, rate=8, link="direct"),
    ),
    faults=(
        Recurring("down", on="redis", after=(1, 2), lasts=(1, 2)),
        Recurring("latency", on="redis", after=(1, 2), lasts=(1, 2)),
    ),
    checkers=("delivery", "durability", "availability"),
    duration=13,
)
