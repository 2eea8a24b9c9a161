"""The connections of a service: their one clock, and what concerns many of them at once."""

import asyncio
from collections.abc import Iterator

from bodhisattva.servers.core.connections.connection import INTERNAL_ERROR, Connection, now
from bodhisattva.servers.core.connections.session import TRY_AGAIN_LATER

_SWEEP = 0.1  # seconds between two ticks


class ConnectionRegistry:
    """Holds a connection from its upgrade until its socket is closed."""

    def __init__(self) -> None:
        self._open: set[Connection] = set()

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._open))

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        self._open.add(connection)

    def discard(self, connection: Connection) -> None:
        self._open.discard(connection)

    def notify(self, notice: bytes) -> None:
        """Send an encoded event to every client."""
        for connection in self:
            connection.notify(notice)

    def close_newest(self, kind: str, name: str) -> None:
        """Close the newest connection of a user or an address that has more at all replicas than it may.

        kind: `user` or `address`. Nothing happens while one of them is closing already.
        """
        placed = (each for each in self if each.placed)
        held = [each for each in placed if (each.user_id if kind == "user" else each.address) == name]
        if held and not any(each.closing for each in held):
            max(held, key=lambda each: each.session.opened).drain(TRY_AGAIN_LATER, "Too many connections")

    def close_subscribed(self, reason: str) -> None:
        """Close every connection with a subscription: the log lost events, and resuming will show it (protocol 5)."""
        for connection in self:
            if connection.channels:
                connection.drain(INTERNAL_ERROR, reason)

    async def sweep(self) -> None:
        """Give each connection that is due the time, until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP)
            self._tick()

    def _tick(self) -> None:
        """A function of its own, so that no connection is held from one sweep to the next."""
        instant = now()
        for connection in self:
            if connection.due <= instant.monotonic:
                connection.tick(instant)
