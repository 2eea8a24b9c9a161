"""Clients give commands and retry each until it is answered; at the end each service is killed once more and read.

The last kill makes durability a question of the disk: what a service holds only in memory does not count.
"""

import asyncio
from dataclasses import dataclass
from random import Random

from bodhisattva.chaos.client import Seat
from bodhisattva.chaos.commander import Commander
from bodhisattva.chaos.driver import Independent
from bodhisattva.chaos.history import RUN, Recorder
from bodhisattva.chaos.reader import read_back
from bodhisattva.chaos.testbed import Testbed
from bodhisattva.chaos.workload import Session, Workload


@dataclass(frozen=True)
class CommandsWithRetries(Workload):
    """clients: per service, all over the link `link`, each giving `rate` commands per second at most.

    again: the share of answered commands that are sent a second time.
    """

    clients: int
    rate: float
    link: str
    again: float = 0.1

    def begin(self, testbed: Testbed, recorder: Recorder, chance: Random) -> "CommandsSession":
        return CommandsSession(self, testbed, recorder, chance)


class CommandsSession(Session):
    """The clients of every service; those of one service share a channel."""

    def __init__(self, plan: CommandsWithRetries, testbed: Testbed, recorder: Recorder, chance: Random) -> None:
        self._plan = plan
        self._recorder = recorder
        self._testbed = testbed
        drivers = [Independent(service, f"{chance.getrandbits(32):08x}") for service in testbed.services]
        self._commanders = [
            Commander(
                Seat.at(testbed, recorder, chance, driver, f"client-{number}", plan.link),
                f"c{number}-",
                plan.again,
            )
            for driver in drivers
            for number in range(plan.clients)
        ]
        self._readers = [Seat.at(testbed, recorder, chance, driver, "commands-reader", plan.link) for driver in drivers]

    async def open(self) -> None:
        for commander in self._commanders:
            await commander.prepare()

    async def run(self, seconds: float) -> None:
        await asyncio.gather(*(commander.work(seconds, self._plan.rate) for commander in self._commanders))

    async def settle(self) -> None:
        self._recorder.record(RUN, "info", "kill and restart", list(self._testbed.nodes))
        await self._testbed.kill_and_restart()
        await asyncio.gather(*(read_back(reader) for reader in self._readers))

    async def close(self) -> None:
        for commander in self._commanders:
            await commander.disconnect()
