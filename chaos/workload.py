"""Workloads: what clients do while faults happen. The runner drives each in four steps."""

from abc import ABC, abstractmethod
from random import Random

from bodhisattva.chaos.history import Recorder
from bodhisattva.chaos.testbed import Testbed


class Session(ABC):
    """One workload at work on one testbed. The runner bounds every step and calls `close` whatever happened."""

    @abstractmethod
    async def open(self) -> None:
        """Connect and prepare every client, before any fault."""

    @abstractmethod
    async def run(self, seconds: float) -> None:
        """Invoke operations for that long, while faults happen; called again until the last one is healed."""

    @abstractmethod
    async def final_reads(self) -> None:
        """After all faults are healed: let every client finish, then read what the servers hold."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect everything."""


class Workload(ABC):
    """A workload's configuration, as data."""

    @abstractmethod
    def begin(self, testbed: Testbed, recorder: Recorder, rng: Random) -> Session:
        """A session that draws all its randomness from `rng`."""
