"""A subscriber that reads nothing must cost the others nothing."""

from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.schedule import Recurring
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.fan_out_with_resume import FanOutWithResume

EXPERIMENT = Experiment(
    name="stalled-subscriber",
    purpose="A subscriber whose link stands still misses nothing once it moves again; the others notice nothing.",
    topology=Topology(services=("akosha", "excalidraw"), links=("direct", "stalled")),
    workloads=(
        FanOutWithResume(
            subscribers=4, rate=12, subscribe_on=("direct", "direct", "direct", "stalled"), command_on="direct"
        ),
    ),
    faults=(Recurring("stall", on="stalled", after=(0.5, 1.5), lasts=(2, 5)),),
    checkers=("delivery", "durability", "availability"),
    duration=14,
)
