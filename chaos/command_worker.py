"""A worker that sends commands, each with the same id until its outcome is known."""

from bodhisattva.chaos.client import Client
from bodhisattva.chaos.history import Type
from bodhisattva.chaos.operations import COMMAND, Command
from bodhisattva.chaos.worker import GIVE_UP_AFTER, Worker
from bodhisattva.fixtures.clock import units


class CommandWorker(Worker):
    """prefix: of its commands' numbers, where several workers share a channel.

    repeat: the share of answered commands that are sent once more over a new connection, as by a client that missed
    the response; the server must not execute them twice (protocol 1.2).
    """

    def __init__(self, client: Client, prefix: str = "", repeat: float = 0.0) -> None:
        super().__init__(client)
        self._prefix = prefix
        self._repeat = repeat
        self._invoked = 0

    async def prepare(self) -> None:
        """Connect, and make what the commands need to be there first; raises one of RETRYABLE_ERRORS."""
        connection = await self.connect()
        for request, data in self.client.generator.setup:
            await connection.answer(request, data)

    async def run(self, seconds: float, rate: float) -> None:
        """Invoke commands for that long, `rate` per second at most."""
        end = self.client.recorder.now + seconds
        while self.client.recorder.now < end:
            await self.invoke()
            await self.pause(rate)

    async def invoke(self) -> None:
        """Invoke the next command and record its outcome."""
        number = f"{self._prefix}{self._invoked}"
        self._invoked += 1
        self._record("invoke", number)
        request, data = self.client.generator.command(number)
        response, attempts = await self.call(request, data, self._id(number))
        if response is None:
            return self._record("info", number, attempts, f"no answer within {units(GIVE_UP_AFTER):g} s")
        if self.client.rng.random() < self._repeat:
            attempts += 1
            await self.disconnect()
            await self.attempt(request, data, self._id(number))
        outcome: Type = "ok" if response.type == "response" else "fail"
        return self._record(outcome, number, attempts, response.error_code or "")

    def _id(self, number: str) -> str:
        return f"{self.client.name}/{number}"

    def _record(self, type: Type, number: str, attempts: int = 0, reason: str = "") -> None:  # noqa: A002
        generator = self.client.generator
        events = generator.events(number)
        command = Command(generator.service, generator.channel, self._id(number), events, attempts, reason)
        self.client.record(type, COMMAND, command)
