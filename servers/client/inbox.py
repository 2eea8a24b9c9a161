"""The bounded buffer between the connection's reader, which never waits, and a subscription's consumer."""

import asyncio
from collections import deque

from bodhisattva.servers.client.errors import Discontinuity
from bodhisattva.servers.client.wire import Event


class Inbox:
    """First in, first out. `get` raises a Discontinuity at its place among the events.

    drained: set while the inbox is empty. dropped: how many events were removed for newer ones.
    """

    def __init__(self, capacity: int) -> None:
        self.drained = asyncio.Event()
        self.drained.set()
        self.dropped = 0
        self._capacity = capacity
        self._items: deque[Event | Discontinuity] = deque()
        self._changed = asyncio.Event()
        self._end: BaseException | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_full(self) -> bool:
        return len(self._items) >= self._capacity

    def put(self, item: Event | Discontinuity) -> None:
        self._items.append(item)
        self.drained.clear()
        self._changed.set()

    def put_dropping_oldest(self, event: Event) -> None:
        """Put the event; if the inbox is full, remove the oldest first."""
        if self.is_full:
            self._items.popleft()
            self.dropped += 1
        self.put(event)

    def close(self, end: BaseException) -> None:
        """Make `get` raise `end` once the inbox is empty. Only the first call counts."""
        self._end = self._end or end
        self._changed.set()

    async def get(self) -> Event:
        while not self._items:
            if self._end is not None:
                raise self._end
            self._changed.clear()
            await self._changed.wait()
        item = self._items.popleft()
        if not self._items:
            self.drained.set()
        if isinstance(item, Discontinuity):
            raise item
        return item
