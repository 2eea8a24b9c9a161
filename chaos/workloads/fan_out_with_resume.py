"""One client sends commands while many others subscribe, lose their connections, and resume."""

import asyncio
from dataclasses import dataclass
from random import Random

from bodhisattva.chaos.client import Client
from bodhisattva.chaos.command_worker import CommandWorker
from bodhisattva.chaos.final_read import final_read
from bodhisattva.chaos.generator import OrderedCommands
from bodhisattva.chaos.history import Recorder
from bodhisattva.chaos.subscriber import Subscriber
from bodhisattva.chaos.testbed import Testbed
from bodhisattva.chaos.workload import Session, Workload

SUBSCRIBED_WITHIN = 20.0
CAUGHT_UP_WITHIN = 20.0


@dataclass(frozen=True)
class FanOutWithResume(Workload):
    """subscribers: per service, spread over the links `subscribe_on` in turn. rate: commands per second and service.

    command_on: the link of each service's one worker.
    """

    subscribers: int
    rate: float
    subscribe_on: tuple[str, ...]
    command_on: str

    def begin(self, testbed: Testbed, recorder: Recorder, rng: Random) -> "FanOutSession":
        return FanOutSession([ServiceFanOut(self, service, testbed, recorder, rng) for service in testbed.services])


class ServiceFanOut:
    """The subscribers and the worker of one service, on a channel of their own."""

    def __init__(self, plan: FanOutWithResume, service: str, testbed: Testbed, recorder: Recorder, rng: Random) -> None:
        generator = OrderedCommands(service, f"{rng.getrandbits(32):08x}")

        def client(role: str, link: str) -> Client:
            return Client.create(testbed, recorder, rng, generator, role, link)

        links = plan.subscribe_on
        self.rate = plan.rate
        self.worker = CommandWorker(client("publisher", plan.command_on))
        self.reader = client("fan-out-reader", plan.command_on)
        self.subscribers = [
            Subscriber(client(f"subscriber-{number}", links[number % len(links)])) for number in range(plan.subscribers)
        ]

    async def final_reads(self) -> None:
        """Read the log, then wait until every subscriber has come to its end."""
        log = await final_read(self.reader)
        await asyncio.gather(
            *(subscriber.catch_up(log.epoch, log.offset, CAUGHT_UP_WITHIN) for subscriber in self.subscribers)
        )


class FanOutSession(Session):
    def __init__(self, services: list[ServiceFanOut]) -> None:
        self._services = services
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        for service in self._services:
            await service.worker.prepare()
        subscribers = [subscriber for service in self._services for subscriber in service.subscribers]
        self._tasks = [asyncio.create_task(subscriber.run()) for subscriber in subscribers]
        await asyncio.gather(*(subscriber.subscribed(SUBSCRIBED_WITHIN) for subscriber in subscribers))

    async def run(self, seconds: float) -> None:
        await asyncio.gather(*(service.worker.run(seconds, service.rate) for service in self._services))

    async def final_reads(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()
        await asyncio.gather(*(service.final_reads() for service in self._services))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for service in self._services:
            await service.worker.disconnect()
