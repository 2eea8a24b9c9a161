"""So many guests at all times: whoever leaves is followed by the next."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bodhisattva.chaos.soak.guest import DIAGRAMS, ENDINGS, Guest, Refused
from bodhisattva.chaos.soak.pace import Pace
from bodhisattva.fixtures.clock import TimedOut
from bodhisattva.fixtures.stack.node import Node

_ENOUGH = 80  # characters of a reason, so that the same reasons count as one


class Crowd:
    """visits: that ended as they were to, by ending. hindered: why others did not, counted."""

    def __init__(self, node: Node, size: int, seed: int, pace: Pace) -> None:
        self.visits: Counter[str] = Counter()
        self.hindered: Counter[str] = Counter()
        self._node = node
        self._size = size
        self._chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self._pace = pace

    async def furnish(self) -> None:
        """Have the diagrams there that all guests share."""
        guest = self._guest()
        async with guest.line() as peer:
            await guest.authenticate(peer)
            for number in range(DIAGRAMS):
                await guest.ask(peer, "create_diagram", diagram_id=f"d{number}")

    async def command(self) -> None:
        """One command more: that is when the service forgets the answers that it need not keep any longer."""
        guest = self._guest()
        async with guest.line() as peer:
            await guest.authenticate(peer)
            await guest.ask(peer, "update_diagram", diagram_id="d0", elements=[])

    @asynccontextmanager
    async def there(self) -> AsyncIterator[None]:
        """The crowd is there within the block. At its end all leave at once, wherever they are."""
        slots = {asyncio.create_task(self._follow_each_other()) for _ in range(self._size)}
        try:
            yield
        finally:
            # Until Python 3.12 `wait_for` may take a cancellation for itself, if it comes with what was awaited.
            while slots:
                for slot in slots:
                    slot.cancel()
                _, slots = await asyncio.wait(slots, timeout=1)

    async def _follow_each_other(self) -> None:
        await asyncio.sleep(self._chance.uniform(0, self._pace.stay))
        while True:
            ending = self._chance.choice(list(ENDINGS))
            try:
                await self._guest().visit(ending)
            except (OSError, EOFError, TimedOut, Refused, AssertionError) as reason:
                self.hindered[f"{ending}: {type(reason).__name__} {reason}"[:_ENOUGH]] += 1
                await asyncio.sleep(self._pace.stay)
            else:
                self.visits[ending] += 1

    def _guest(self) -> Guest:
        return Guest(self._node, random.Random(self._chance.getrandbits(64)), self._pace)  # noqa: S311
