"""A client that gives commands and sends each again, with the same id, until it knows what became of it."""

import asyncio
from contextlib import AsyncExitStack

from bodhisattva.chaos.client import LOST, Seat
from bodhisattva.chaos.history import Type
from bodhisattva.chaos.vocabulary import COMMAND, Command
from bodhisattva.fixtures.clock import units
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.wire import WireClient

ANSWER_WITHIN = 1.5
GIVE_UP_AFTER = 10.0
BACKOFF = (0.05, 0.3)

# Refusals that say nothing about the command itself: the same id may be sent again.
PASSING = frozenset({"UNAVAILABLE", "RATE_LIMIT_EXCEEDED"})


class Commander:
    """One user with one connection at a time.

    prefix: what its commands' numbers begin with, where several commanders share a channel.
    again: the share of answered commands that are sent once more over a new connection, as by a client that missed
    the answer; the server must not execute them twice (protocol 1.2).
    """

    def __init__(self, seat: Seat, prefix: str = "", again: float = 0.0) -> None:
        self.seat = seat
        self._prefix = prefix
        self._again = again
        self._given = 0
        self._client: WireClient | None = None
        self._open = AsyncExitStack()

    async def prepare(self) -> None:
        """Connect, and make what the commands need to be there first; raises what a connection may raise."""
        client = await self._connect()
        for request, data in self.seat.driver.preparation:
            await client.answer(request, data)

    async def work(self, seconds: float, rate: float) -> None:
        """Give commands for that long, `rate` per second at most."""
        end = self.seat.recorder.now + seconds
        while self.seat.recorder.now < end:
            await self.command()
            await asyncio.sleep(self.seat.chance.uniform(0.5, 1.5) / rate)

    async def command(self) -> None:
        """Give the next command, try until it is answered or GIVE_UP_AFTER is over, and record the outcome."""
        number = f"{self._prefix}{self._given}"
        self._given += 1
        self._record("invoke", number)
        attempts = 0
        give_up = self.seat.recorder.now + units(GIVE_UP_AFTER)
        while self.seat.recorder.now < give_up:
            attempts += 1
            answer = await self._send(number)
            if answer is not None:
                attempts += await self._perhaps_again(number)
                outcome: Type = "ok" if answer.type == "response" else "fail"
                return self._record(outcome, number, attempts, answer.error_code or "")
            await asyncio.sleep(self.seat.chance.uniform(*BACKOFF))
        return self._record("info", number, attempts, f"no answer within {units(GIVE_UP_AFTER):g} s")

    async def disconnect(self) -> None:
        self._client = None
        await self._open.aclose()

    async def _perhaps_again(self, number: str) -> int:
        """How often an answered command was sent again: its second answer changes nothing."""
        if self.seat.chance.random() >= self._again:
            return 0
        await self.disconnect()
        await self._send(number)
        return 1

    async def _send(self, number: str) -> Envelope | None:
        """The answer to one sending; None if it was lost or is to be asked for again."""
        request, data = self.seat.driver.command(number)
        try:
            client = self._client or await self._connect()
            answer = await client.request(request, data, id=self._id(number), within=ANSWER_WITHIN)
        except LOST:
            await self.disconnect()
            return None
        return None if answer.error_code in PASSING else answer

    async def _connect(self) -> WireClient:
        self._open = AsyncExitStack()
        self._client = await self._open.enter_async_context(self.seat.connected(self.seat.driver.writing))
        return self._client

    def _id(self, number: str) -> str:
        return f"{self.seat.name}/{number}"

    def _record(self, type: Type, number: str, attempts: int = 0, reason: str = "") -> None:  # noqa: A002
        driver = self.seat.driver
        events = driver.events(number)
        command = Command(driver.service, driver.channel, self._id(number), events, attempts, reason)
        self.seat.record(type, COMMAND, command)
