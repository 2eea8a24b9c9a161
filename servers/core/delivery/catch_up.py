"""A resuming subscriber's way through the log to the live events (protocol 5)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from bodhisattva.servers.core.delivery.event_frames import numbered
from bodhisattva.servers.core.delivery.outbox import Outbox
from bodhisattva.servers.core.log.base import Log, LogError, LogLost, StoredEvent

_CHUNK = 200  # events that are read from the log at once
_HIGH_WATER = 256 * 1024


class LogReader(Protocol):
    """Reads durable events of a channel, each with its offset there."""

    async def read(self, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]: ...


class EventSource(Protocol):
    """What a catch-up needs of the engine."""

    @property
    def log(self) -> Log: ...

    @property
    def reader(self) -> LogReader: ...

    def offset(self, channel: str) -> int: ...

    def note_trimmed(self, log_starts: Mapping[str, int]) -> None: ...


class CatchUp:
    """Reads the present log as fast as the peer takes it, for one channel of a connection after the other."""

    def __init__(self, source: EventSource, outbox: Outbox, queue_bytes: int) -> None:
        self._source = source
        self._outbox = outbox
        self._epoch = source.log.epoch
        self._high_water = min(_HIGH_WATER, queue_bytes // 2)

    async def frames(self, channel: str, after: int) -> AsyncIterator[bytes]:
        """The frames of all durable events after an offset.

        A subscription in the iteration of the loop in which this ends has neither gap nor duplicate.
        LogError: the log cannot be read, has become another, or retention took away what was still to come.
        """
        position = after
        while position < self._source.offset(channel):
            async with self._outbox.one_by_one():
                async for frame in self._chunk(channel, position):
                    yield frame
                    position += 1

    async def _chunk(self, channel: str, position: int) -> AsyncIterator[bytes]:
        """The next frames after a position, at least one."""
        due = 0
        events = await self._source.reader.read(channel, position, _CHUNK)
        if self._source.log.epoch != self._epoch:
            raise LogLost(f"{channel} is in another log than at {position}")
        if not events:
            raise LogError(f"{channel} ends at {position}, before its newest event")
        for offset, event in events:
            if offset > self._source.offset(channel):
                break
            if offset != position + 1:
                self._source.note_trimmed({channel: offset - 1})  # whatever trimmed it: the next subscriber must know
                raise LogError(f"{channel} no longer holds {position + 1}")
            frame = numbered(event, channel, offset, self._epoch)
            yield frame
            position = offset
            due += len(frame)
            if due + self._outbox.unsent > self._high_water:
                self._outbox.flush()
                due = 0
                await self._outbox.drained()
