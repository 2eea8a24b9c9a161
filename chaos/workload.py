"""What clients do while faults happen: configured by an experiment, driven by the runner in four steps."""

from abc import ABC, abstractmethod
from random import Random

from bodhisattva.chaos.history import Recorder
from bodhisattva.chaos.testbed import Testbed


class Session(ABC):
    """One workload at work on one testbed. The runner bounds every step and calls `close` whatever happened."""

    @abstractmethod
    async def open(self) -> None:
        """Connect and prepare; afterwards every client stands ready on an unbroken testbed."""

    @abstractmethod
    async def run(self, seconds: float) -> None:
        """Work for that long while faults come and go; called again as long as one is there."""

    @abstractmethod
    async def final_reads(self) -> None:
        """After all faults are healed: let every client finish, then read back what the servers hold."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect everything."""


class Workload(ABC):
    """A workload's configuration, as data."""

    @abstractmethod
    def begin(self, testbed: Testbed, recorder: Recorder, rng: Random) -> Session:
        """A session that draws all its randomness from `rng`."""
