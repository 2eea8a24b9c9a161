"""What a fault is: its injection, its heal, and the evidence that it had its effect.

`inject` measures the healthy target, then breaks it. `evidence` measures the broken target, and compares. `heal`
leaves the target as it was, also if it was never broken. Without evidence of its faults a run is unknown.
"""

from abc import ABC, abstractmethod
from random import Random
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from bodhisattva.chaos.registry import entry

Target = TypeVar("Target")


class Evidence(msgspec.Struct, frozen=True):
    """bit: whether the fault had its promised effect. measured: the measurements, as JSON, times in seconds."""

    bit: bool
    measured: dict[str, Any]


class Fault(ABC, Generic[Target]):
    """A fault on a `Link` or on a `Node`; `target_type` is which. One instance may break many targets in turn."""

    target_type: ClassVar[type[Any]]

    def parameters(self, rng: Random) -> dict[str, Any]:
        """How strong it is this time; drawn when the schedule is made."""
        return {}

    @abstractmethod
    async def inject(self, target: Target, parameters: dict[str, Any]) -> dict[str, Any]:
        """Break the target; what was measured before, as JSON."""

    @abstractmethod
    async def evidence(self, target: Target, parameters: dict[str, Any], before: dict[str, Any]) -> Evidence:
        """Measure the broken target."""

    @abstractmethod
    async def heal(self, target: Target) -> None:
        """Leave the target healthy; harmless where nothing was broken."""


def fault_named(name: str) -> "Fault[Any]":
    """The fault of that name, or UnknownName."""
    fault: Fault[Any] = entry("bodhisattva.chaos.faults", "FAULT", name)
    return fault
