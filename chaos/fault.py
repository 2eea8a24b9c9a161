"""What a fault is: how it is done, how it is undone, and how one knows that it bit.

Every fault ships its heal. `inject` begins by measuring the target whole, `evidence` measures it broken and says
whether the difference is the one that the fault promises, and `heal` leaves the target as it was, also when it was
never broken. A fault that cannot be shown to have bitten makes a run unknown.
"""

from abc import ABC, abstractmethod
from random import Random
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from bodhisattva.chaos.registry import entry

Target = TypeVar("Target")


class Evidence(msgspec.Struct, frozen=True):
    """bit: whether the fault had its promised effect. measured: what was seen, as JSON, times in seconds."""

    bit: bool
    measured: dict[str, Any]


class Fault(ABC, Generic[Target]):
    """A fault on a `Link` or on a `Node`; `hits` says on which. One instance may break many targets in turn."""

    hits: ClassVar[type[Any]]

    def parameters(self, chance: Random) -> dict[str, Any]:
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
        """Leave the target whole; harmless where nothing was broken."""


def fault_named(name: str) -> "Fault[Any]":
    """The fault of that name, or UnknownName."""
    fault: Fault[Any] = entry("bodhisattva.chaos.faults", "FAULT", name)
    return fault
