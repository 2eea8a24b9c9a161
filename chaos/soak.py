"""The soak test: one service under connection churn for a long time. `python -m bodhisattva.chaos soak`."""

from bodhisattva.chaos.churn_client import SERVICE, Pace
from bodhisattva.chaos.experiment import Experiment
from bodhisattva.chaos.topology import Topology
from bodhisattva.chaos.workloads.connection_churn import ConnectionChurn

_SPARE = 200


def soak(minutes: float, connections: int, *, tls: bool) -> Experiment:
    """An experiment without faults: how connections end is all that happens. minutes: of load."""
    pace = Pace.of(minutes * 60)
    room = connections + _SPARE
    settings = {
        "timeouts": {**pace.timeouts, "auth": 10},
        "limits": {"connections": room, "connections_per_address": room},
        "log": {"retention": {"events": 2000, "interval": pace.heartbeat}},
        "logging": {"level": "error"},
        **({} if tls else {"tls": {"certificate": None, "key": None}}),
    }
    return Experiment(
        name="soak",
        purpose="A service releases all that clients used who connect and disconnect in every way.",
        topology=Topology(services=(SERVICE,), links=(), own_store=True, settings=settings),
        workloads=(ConnectionChurn(connections, pace),),
        faults=(),
        checkers=("leaks",),
        duration=pace.warm_up + pace.soak + 2 * (pace.window + pace.drain),
        command=f"soak --minutes {minutes:g} --connections {connections}{' --tls' if tls else ''}",
    )
