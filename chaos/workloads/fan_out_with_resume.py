"""One client gives commands while many others listen, lose their connections, and resume where they left off."""

import asyncio
from dataclasses import dataclass
from random import Random

from bodhisattva.chaos.client import Seat
from bodhisattva.chaos.commander import Commander
from bodhisattva.chaos.driver import Ordered
from bodhisattva.chaos.history import Recorder
from bodhisattva.chaos.observer import Observer
from bodhisattva.chaos.reader import read_back
from bodhisattva.chaos.testbed import Testbed
from bodhisattva.chaos.workload import Session, Workload

SUBSCRIBED_WITHIN = 20.0
CAUGHT_UP_WITHIN = 20.0


@dataclass(frozen=True)
class FanOutWithResume(Workload):
    """subscribers: per service, spread over the links `listen_on` in turn. rate: commands per second and service.

    command_on: the link of each service's one commander.
    """

    subscribers: int
    rate: float
    listen_on: tuple[str, ...]
    command_on: str

    def begin(self, testbed: Testbed, recorder: Recorder, chance: Random) -> "FanOutSession":
        return FanOutSession([ServiceFanOut(self, service, testbed, recorder, chance) for service in testbed.services])


class ServiceFanOut:
    """The subscribers and the commander of one service, on a channel of their own."""

    def __init__(
        self, plan: FanOutWithResume, service: str, testbed: Testbed, recorder: Recorder, chance: Random
    ) -> None:
        driver = Ordered(service, f"{chance.getrandbits(32):08x}")

        def seat(role: str, link: str) -> Seat:
            return Seat.at(testbed, recorder, chance, driver, role, link)

        links = plan.listen_on
        self.rate = plan.rate
        self.commander = Commander(seat("publisher", plan.command_on))
        self.reader = seat("fan-out-reader", plan.command_on)
        self.observers = [
            Observer(seat(f"subscriber-{number}", links[number % len(links)])) for number in range(plan.subscribers)
        ]

    async def settle(self) -> None:
        """Read the log, then wait until every subscriber has come to its end."""
        log = await read_back(self.reader)
        await asyncio.gather(
            *(observer.catch_up(log.epoch, log.offset, CAUGHT_UP_WITHIN) for observer in self.observers)
        )


class FanOutSession(Session):
    def __init__(self, services: list[ServiceFanOut]) -> None:
        self._services = services
        self._listening: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        for service in self._services:
            await service.commander.prepare()
        observers = [observer for service in self._services for observer in service.observers]
        self._listening = [asyncio.create_task(observer.run()) for observer in observers]
        await asyncio.gather(*(observer.subscribed(SUBSCRIBED_WITHIN) for observer in observers))

    async def run(self, seconds: float) -> None:
        await asyncio.gather(*(service.commander.work(seconds, service.rate) for service in self._services))

    async def settle(self) -> None:
        for task in self._listening:
            if task.done():
                task.result()
        await asyncio.gather(*(service.settle() for service in self._services))

    async def close(self) -> None:
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        for service in self._services:
            await service.commander.disconnect()
