"""What is compared with what: the loads, their subjects and figures, and the ratios to be met."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from bodhisattva.chaos.bench import loads
from bodhisattva.chaos.bench.sizes import Size
from bodhisattva.chaos.bench.subjects import (
    AIOHTTP,
    AIOHTTP_MSGSPEC,
    FSYNC,
    OURS,
    OURS_TLS,
    OURS_UVLOOP,
    PUBLISHED,
    RAW,
    TRANSACTION,
    WEBSOCKETS,
    Running,
    Subject,
)

Unit = Literal["s", "B", "1/s"]
_RATE_AND_CPU: Mapping[str, Unit] = {"": "1/s", ", CPU": "s"}
_DURABLE: Mapping[str, Unit] = {
    f"{n} in flight{what}": unit for what, unit in _RATE_AND_CPU.items() for n in loads.IN_FLIGHT
}
_SLOW_DISK = 0.004


@dataclass(frozen=True)
class Load:
    """subjects: in the order in which they run. baselines: of the ratios shown. figures: with their units.

    flush_delay: seconds added to each flush of the disk.
    """

    measure: Callable[[Running, Size], loads.Measures]
    subjects: tuple[Subject, ...]
    baselines: tuple[Subject, ...]
    figures: Mapping[str, Unit]
    flush_delay: float = 0.0


LOADS: Mapping[str, Load] = {
    "fan-out": Load(
        loads.fan_out,
        (RAW, AIOHTTP, WEBSOCKETS, PUBLISHED, OURS, OURS_UVLOOP),
        (RAW, PUBLISHED),
        {
            "one": "s",
            "one, net": "s",
            "burst": "s",
            "burst, net": "s",
            "one, per event": "s",
            "burst, per event": "s",
        },
    ),
    "request": Load(
        loads.request,
        (RAW, AIOHTTP, AIOHTTP_MSGSPEC, WEBSOCKETS, PUBLISHED, OURS, OURS_UVLOOP),
        (RAW, PUBLISHED),
        {"one": "s", "pipelined": "s"},
    ),
    "durable": Load(
        loads.durable,
        (FSYNC, TRANSACTION, OURS),
        (FSYNC, TRANSACTION),
        _DURABLE,
    ),
    "durable, slow disk": Load(loads.durable, (FSYNC, TRANSACTION, OURS), (FSYNC, TRANSACTION), _DURABLE, _SLOW_DISK),
    "memory": Load(
        loads.memory,
        (RAW, AIOHTTP, WEBSOCKETS, PUBLISHED, OURS, OURS_UVLOOP, OURS_TLS),
        (AIOHTTP, PUBLISHED),
        {"connection": "B", "idle process": "B"},
    ),
}


SUBJECTS: Mapping[str, Subject] = {subject.name: subject for load in LOADS.values() for subject in load.subjects}


@dataclass(frozen=True)
class Target:
    """A figure of the service: at most (or at least) `bound` times that of the baseline, or `bound` without one."""

    load: str
    figure: str
    bound: float
    baseline: Subject | None
    at_least: bool = False

    def met(self, measured: float) -> bool:
        return measured >= self.bound if self.at_least else measured <= self.bound


TARGETS = (
    Target("fan-out", "one", 0.45, PUBLISHED),
    Target("fan-out", "one", 1.15, RAW),
    Target("fan-out", "burst", 0.2, RAW),
    Target("request", "one", 0.45, PUBLISHED),
    Target("request", "pipelined", 0.45, PUBLISHED),
    Target("durable", "64 in flight", 10, FSYNC, at_least=True),
    Target("durable, slow disk", "64 in flight", 10, FSYNC, at_least=True),
    Target("memory", "connection", 12_000, None),
)
