"""A subscriber under faults comes back, whatever it was told."""

import asyncio
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from bodhisattva.chaos.client import Seat
from bodhisattva.chaos.driver import Ordered
from bodhisattva.chaos.history import Recorder
from bodhisattva.chaos.observer import Observer


class Refused(Observer):
    """Its first subscription is refused, as by a replica whose store is away."""

    tries = 0

    async def _listen(self) -> None:
        self.tries += 1
        assert self.tries > 1, "subscribe was refused: UNAVAILABLE"
        self.connected = True
        await asyncio.Event().wait()


async def test_a_subscription_that_is_refused_is_tried_again(tmp_path: Path) -> None:
    with Recorder(tmp_path / "history.jsonl") as recorder:
        unused: Any = None
        driver = Ordered("fastblocks", "run")
        observer = Refused(Seat("subscriber", iter(()), unused, driver, recorder, Random(1)))  # noqa: S311
        listening = asyncio.create_task(observer.run())
        try:
            await observer.subscribed(5)
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
    assert observer.tries == 2
