"""The way from one replica to the store is cut or slow, while that of the other is intact."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.commands_with_retries import CommandsWithRetries
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="replica-cut-off-from-store",
    purpose="A replica cut off from Redis, or reaching it late, delivers and answers nothing but what the log has.",
    topology=Topology(services=("excalidraw",), links=("direct",), replicas=2),
    workloads=(
        FanOutWithResume(subscribers=4, rate=8, subscribe_on=("direct",), command_on="direct"),
        CommandsWithRetries(clients=2, rate=8, link="direct"),
    ),
    faults=(
        Recurring("down", on="redis", after=(1, 2), lasts=(1, 2)),
        Recurring("latency", on="redis", after=(1, 2), lasts=(1, 2)),
    ),
    checkers=("delivery", "durability", "availability"),
    duration=13,
)
