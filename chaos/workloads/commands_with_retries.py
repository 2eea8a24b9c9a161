"""Clients send commands and retry each until it is answered; at the end each service is killed and its log read.

The last kill makes durability a question of the disk: what a service holds only in memory does not count.
"""

import asyncio
from dataclasses import dataclass
from random import Random

from bodhisattva.chaos.client import Client
from bodhisattva.chaos.command_worker import CommandWorker
from bodhisattva.chaos.final_read import final_read
from bodhisattva.chaos.generator import IndependentCommands
from bodhisattva.chaos.history import RUN, Recorder
from bodhisattva.chaos.testbed import Testbed
from bodhisattva.chaos.workload import Session, Workload


@dataclass(frozen=True)
class CommandsWithRetries(Workload):
    """clients: per service, all over the link `link`, each giving `rate` commands per second at most.

    repeat: the share of answered commands that are sent a second time.
    """

    clients: int
    rate: float
    link: str
    repeat: float = 0.1

    def begin(self, testbed: Testbed, recorder: Recorder, rng: Random) -> "CommandsSession":
        return CommandsSession(self, testbed, recorder, rng)


class CommandsSession(Session):
    """The clients of every service; those of one service share a channel."""

    def __init__(self, plan: CommandsWithRetries, testbed: Testbed, recorder: Recorder, rng: Random) -> None:
        self._plan = plan
        self._recorder = recorder
        self._testbed = testbed
        generators = [IndependentCommands(service, f"{rng.getrandbits(32):08x}") for service in testbed.services]
        self._workers = [
            CommandWorker(
                Client.create(testbed, recorder, rng, generator, f"client-{number}", plan.link),
                f"c{number}-",
                plan.repeat,
            )
            for generator in generators
            for number in range(plan.clients)
        ]
        self._readers = [
            Client.create(testbed, recorder, rng, generator, "commands-reader", plan.link) for generator in generators
        ]

    async def open(self) -> None:
        for worker in self._workers:
            await worker.prepare()

    async def run(self, seconds: float) -> None:
        await asyncio.gather(*(worker.run(seconds, self._plan.rate) for worker in self._workers))

    async def final_reads(self) -> None:
        self._recorder.record(RUN, "info", "kill and restart", list(self._testbed.nodes))
        await self._testbed.kill_and_restart()
        await asyncio.gather(*(final_read(reader) for reader in self._readers))

    async def close(self) -> None:
        for worker in self._workers:
            await worker.disconnect()
