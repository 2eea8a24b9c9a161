"""A subscriber under faults reconnects, whatever the server answered."""

import asyncio
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from bodhisattva.chaos.client import Client
from bodhisattva.chaos.generator import OrderedCommands
from bodhisattva.chaos.history import Recorder
from bodhisattva.chaos.subscriber import Subscriber


class Refused(Subscriber):
    """Its first subscription is refused, as by a replica whose store is away."""

    tries = 0

    async def _receive(self) -> None:
        self.tries += 1
        assert self.tries > 1, "subscribe was refused: UNAVAILABLE"
        self.connected = True
        await asyncio.Event().wait()


async def test_a_subscription_that_is_refused_is_tried_again(tmp_path: Path) -> None:
    with Recorder(tmp_path / "history.jsonl") as recorder:
        unused: Any = None
        generator = OrderedCommands("fastblocks", "run")
        subscriber = Refused(Client("subscriber", iter(()), unused, generator, recorder, Random(1)))  # noqa: S311
        running = asyncio.create_task(subscriber.run())
        try:
            await subscriber.subscribed(5)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
    assert subscriber.tries == 2
