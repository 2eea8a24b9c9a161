"""A subscriber that writes down what it receives, comes back when it is cut off, and repairs nothing.

The project's own client drops duplicates and reports gaps; here that would hide what the server did. So the observer
speaks through the suite's literal client and resumes by hand, from the last event that it really received.
"""

import asyncio

import msgspec

from bodhisattva.chaos.client import HINDERED, PATIENCE, Seat
from bodhisattva.chaos.history import Type
from bodhisattva.chaos.vocabulary import (
    CATCH_UP,
    CONNECTION,
    DELIVER,
    SUBSCRIBE,
    CatchUp,
    Connection,
    Delivery,
    Subscription,
)
from bodhisattva.fixtures.clock import TimedOut, eventually
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.wire import WireClient

BACKOFF = (0.05, 0.5)


class Observer:
    """One subscriber of its driver's channel. `run` never returns; cancel it."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.connected = False
        self._epoch = ""
        self._offset: int | None = None

    async def run(self) -> None:
        while True:
            try:
                await self._listen()
            except HINDERED as error:
                self._mark(up=False, reason=f"{type(error).__name__}: {error}"[:200])
            await asyncio.sleep(self.seat.chance.uniform(*BACKOFF))

    async def subscribed(self, within: float) -> None:
        """Wait for a subscription; TimedOut if it does not come about."""
        await eventually(lambda: self.connected, f"the subscription of {self.seat.name}", within)

    async def catch_up(self, epoch: str, head: int, within: float) -> None:
        """Wait until the event with offset `head` of that epoch has been received, and record whether it was."""

        def there() -> bool:
            return self._epoch == epoch and (self._offset or 0) >= head

        try:
            await eventually(there, f"{self.seat.name} to reach {head}", within)
        except TimedOut:
            self._record_end("info")
        else:
            self._record_end("ok")

    async def _listen(self) -> None:
        async with self.seat.connected(self.seat.driver.reading) as client:
            await self._subscribe(client)
            while True:
                self._take(await self._next(client))

    async def _subscribe(self, client: WireClient) -> None:
        driver = self.seat.driver
        since = None if self._offset is None else {"epoch": self._epoch, "offset": self._offset}
        self.seat.record("invoke", SUBSCRIBE, {"channel": driver.channel, "since": since})
        answer = (await client.subscribe(driver.channel, since)).data
        subscription = msgspec.convert({"service": driver.service, **answer}, Subscription)
        # Before anything was received, the position that the server names is the beginning.
        if self._offset is None or not subscription.recovered:
            self._epoch, self._offset = subscription.epoch, subscription.offset
        self.seat.record("ok", SUBSCRIBE, subscription)
        self._mark(up=True)

    async def _next(self, client: WireClient) -> Envelope:
        """The next event; a quiet connection is asked whether it still lives."""
        while True:
            try:
                return await client.event(room=self.seat.driver.channel, within=PATIENCE)
            except TimedOut:
                await client.request("ping", within=PATIENCE)

    def _take(self, event: Envelope) -> None:
        delivery = msgspec.convert(
            {
                "service": self.seat.driver.service,
                "channel": event.room,
                "epoch": event.epoch,
                "offset": event.offset,
                "id": self.seat.driver.identify(event.raw),
            },
            Delivery,
        )
        self.seat.record("ok", DELIVER, delivery)
        if delivery.epoch != self._epoch or self._offset is None or delivery.offset > self._offset:
            self._epoch, self._offset = delivery.epoch, delivery.offset

    def _mark(self, *, up: bool, reason: str = "") -> None:
        if up != self.connected:
            self.connected = up
            self.seat.record("info", CONNECTION, Connection(self.seat.driver.service, up, reason))

    def _record_end(self, type: Type) -> None:  # noqa: A002
        driver = self.seat.driver
        end = CatchUp(driver.service, driver.channel, self.connected, self._offset or 0)
        self.seat.record(type, CATCH_UP, end)
