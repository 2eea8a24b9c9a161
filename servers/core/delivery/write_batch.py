"""Output of one iteration of the event loop, to all connections of a server."""

import asyncio
from collections.abc import Callable, Collection
from typing import Protocol

from bodhisattva.servers.core.transport import compression

Joined = dict[tuple[bytes, ...], bytes]
"""Frames that several connections are due in this batch, and the same in one piece."""


class Member(Protocol):
    """An outbox, as the batch uses it."""

    def push(self, frame: bytes) -> None: ...

    def flush(self, joined: Joined | None = None, limit: int | None = None) -> None: ...

    def write(self, data: bytes) -> bool: ...


Group = Collection[Member]
"""The outboxes of a channel's subscribers."""
_NO_GROUP: Group = ()


class WriteBatch:
    """Writes once for each connection, at the end of the iteration.

    Frames to a group are kept once for all of it, until the iteration ends or one member is due something else.
    What several connections are due alike is joined once, and they share the bytes. limit: how many bytes may wait for
    one connection.
    """

    def __init__(self, limit: Callable[[], int]) -> None:
        self.limit = limit
        self.due: list[Member] = []
        self.group = _NO_GROUP
        self._broadcast: list[bytes] = []
        self._is_scheduled = False
        self._deflated: dict[bytes, bytes] = {}

    def broadcast(self, group: Group, frame: bytes) -> None:
        """Send a frame to a group, after all that is due to each member. The group may not change meanwhile."""
        if group is not self.group:
            self.split()
            self.group = group
            self.schedule()
        self._broadcast.append(frame)

    def split(self) -> None:
        """Push what the group is due to each member; what follows may be for some of them only."""
        if self.group is _NO_GROUP:
            return
        group, self.group = self.group, _NO_GROUP
        frames, self._broadcast = self._broadcast, []
        for outbox in group:
            for frame in frames:
                outbox.push(frame)

    def deflate(self, frames: list[bytes]) -> None:
        """Compress in place, and each frame only once for all that are due it in this batch."""
        for place, frame in enumerate(frames):
            deflated = self._deflated.get(frame)
            if deflated is None:
                deflated = self._deflated[frame] = compression.deflate(frame)
            frames[place] = deflated

    def add(self, outbox: Member) -> None:
        self.schedule()
        self.due.append(outbox)

    def schedule(self) -> None:
        """Flush at the end of this iteration, once."""
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        self._is_scheduled = False
        limit = self.limit()
        if self.group is not _NO_GROUP:
            self._flush_group(limit)
        due, self.due = self.due, []
        joined: Joined = {}
        for outbox in due:
            outbox.flush(joined, limit)
        self._deflated.clear()

    def _flush_group(self, limit: int) -> None:
        """Write what the group is due to members that are due nothing else; the others get it with the rest."""
        frames = self._broadcast
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        if len(frames) > 1 and len(data) > limit:
            self.split()
            return
        group, self.group, self._broadcast = self.group, _NO_GROUP, []
        for outbox in [outbox for outbox in group if not outbox.write(data)]:
            for frame in frames:
                outbox.push(frame)
