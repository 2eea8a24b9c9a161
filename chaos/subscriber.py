"""A subscriber that records what it receives, reconnects when it is cut off, and repairs nothing.

The project's own client drops duplicates and reports gaps, which would hide what the server did. So the subscriber
uses the suite's wire client, and resumes from the last event that it really received.
"""

import asyncio

import msgspec

from bodhisattva.chaos.client import RETRYABLE_ERRORS, TIMEOUT, Client
from bodhisattva.chaos.history import Type
from bodhisattva.chaos.operations import (
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


class Subscriber:
    """One subscriber of its generator's channel. `run` never returns; cancel it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.connected = False
        self._epoch = ""
        self._offset: int | None = None

    async def run(self) -> None:
        while True:
            try:
                await self._receive()
            except RETRYABLE_ERRORS as error:
                self._set_connected(up=False, reason=f"{type(error).__name__}: {error}"[:200])
            await asyncio.sleep(self.client.rng.uniform(*BACKOFF))

    async def subscribed(self, within: float) -> None:
        """Wait for a subscription; TimedOut if it does not come about."""
        await eventually(lambda: self.connected, f"the subscription of {self.client.name}", within)

    async def catch_up(self, epoch: str, head: int, within: float) -> None:
        """Wait until the event with offset `head` of that epoch has been received, and record whether it was."""

        def caught_up() -> bool:
            return self._epoch == epoch and (self._offset or 0) >= head

        try:
            await eventually(caught_up, f"{self.client.name} to reach {head}", within)
        except TimedOut:
            self._record_end("info")
        else:
            self._record_end("ok")

    async def _receive(self) -> None:
        async with self.client.connected(self.client.generator.read_permissions) as connection:
            await self._subscribe(connection)
            while True:
                self._record_delivery(await self._next(connection))

    async def _subscribe(self, connection: WireClient) -> None:
        generator = self.client.generator
        since = None if self._offset is None else {"epoch": self._epoch, "offset": self._offset}
        self.client.record("invoke", SUBSCRIBE, {"channel": generator.channel, "since": since})
        response = (await connection.subscribe(generator.channel, since)).data
        subscription = msgspec.convert({"service": generator.service, **response}, Subscription)
        # Before anything was received, the position that the server names is the beginning.
        if self._offset is None or not subscription.recovered:
            self._epoch, self._offset = subscription.epoch, subscription.offset
        self.client.record("ok", SUBSCRIBE, subscription)
        self._set_connected(up=True)

    async def _next(self, connection: WireClient) -> Envelope:
        """The next event; an idle connection is pinged."""
        while True:
            try:
                return await connection.event(room=self.client.generator.channel, within=TIMEOUT)
            except TimedOut:
                await connection.request("ping", within=TIMEOUT)

    def _record_delivery(self, event: Envelope) -> None:
        delivery = msgspec.convert(
            {
                "service": self.client.generator.service,
                "channel": event.room,
                "epoch": event.epoch,
                "offset": event.offset,
                "id": self.client.generator.identify(event.raw),
            },
            Delivery,
        )
        self.client.record("ok", DELIVER, delivery)
        if delivery.epoch != self._epoch or self._offset is None or delivery.offset > self._offset:
            self._epoch, self._offset = delivery.epoch, delivery.offset

    def _set_connected(self, *, up: bool, reason: str = "") -> None:
        if up != self.connected:
            self.connected = up
            self.client.record("info", CONNECTION, Connection(self.client.generator.service, up, reason))

    def _record_end(self, type: Type) -> None:  # noqa: A002
        generator = self.client.generator
        end = CatchUp(generator.service, generator.channel, self.connected, self._offset or 0)
        self.client.record(type, CATCH_UP, end)
