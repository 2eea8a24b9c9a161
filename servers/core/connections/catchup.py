"""The way of a resuming subscriber through the log to the live events (protocol 5)."""

from collections.abc import AsyncIterator

from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.engine.hub import numbered
from bodhisattva.servers.core.log.base import LogError, LogLost
from bodhisattva.servers.core.transport.outbox import Outbox

_CHUNK = 200
_HIGH_WATER = 256 * 1024


class Catchup:
    """Reads the log that there is now as fast as the peer takes it, for one channel of a connection after the other."""

    def __init__(self, engine: Engine, outbox: Outbox, queue_bytes: int) -> None:
        self._engine = engine
        self._outbox = outbox
        self._epoch = engine.log.epoch
        self._high_water = min(_HIGH_WATER, queue_bytes // 2)

    async def frames(self, channel: str, after: int) -> AsyncIterator[bytes]:
        """The frames of all durable events after an offset.

        Whoever subscribes to the live ones in the loop turn in which this ends has neither gap nor duplicate.
        LogError: the log cannot be read, has become another, or retention took away what was still to come.
        """
        position = after
        while position < self._engine.offset(channel):
            async with self._outbox.one_by_one():
                async for frame in self._chunk(channel, position):
                    yield frame
                    position += 1

    async def _chunk(self, channel: str, position: int) -> AsyncIterator[bytes]:
        """The next frames after a position, at least one."""
        due = 0
        events = await self._engine.reader.read(channel, position, _CHUNK)
        if self._engine.log.epoch != self._epoch:
            raise LogLost(f"{channel} is in another log than at {position}")
        if not events:
            raise LogError(f"{channel} ends at {position}, before its newest event")
        for offset, event in events:
            if offset > self._engine.offset(channel):
                break
            if offset != position + 1:
                self._engine.note_trimmed({channel: offset - 1})  # whoever removed it: who comes again is told
                raise LogError(f"{channel} no longer holds {position + 1}")
            frame = numbered(event, channel, offset, self._epoch)
            yield frame
            position = offset
            due += len(frame)
            if due + self._outbox.unsent > self._high_water:
                self._outbox.flush()
                due = 0
                await self._outbox.room()
