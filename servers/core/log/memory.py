"""The log in memory: for tests and first looks; it ends with the process, and so does its epoch."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import islice

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log.base import (
    Entry,
    LogError,
    Position,
    Snapshot,
    StoredAnswer,
    StoredEvent,
    pages,
    within_budget,
)


class MemoryLog:
    """See `base.Log`."""

    def __init__(self) -> None:
        self.epoch = fresh_id()
        self.size = 0
        self._channels: dict[str, deque[tuple[int, StoredEvent]]] = defaultdict(deque)
        self._log_starts: dict[str, int] = {}
        self._snapshot: Snapshot | None = None
        self._answers: dict[tuple[str, str], StoredAnswer] = {}
        self._positions: dict[str, Position] = {}
        self._failed = False

    async def open(self) -> None:
        return None

    async def probe(self) -> None:
        """Nothing is in the way."""

    async def recover(self) -> None:
        self._failed = False

    async def replay(self, after: int = 0) -> AsyncIterator[Sequence[StoredEvent]]:
        async for page in pages(self, after):
            yield page

    def append(self, entry: Entry) -> "asyncio.Future[None]":
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        expected = self._log_start(GLOBAL) + len(self._channels[GLOBAL]) + 1
        self._failed |= bool(entry.events) and entry.events[0].seq != expected
        if self._failed:
            done.set_exception(LogError(f"not at {expected}, or an earlier append failed"))
            return done
        for event in entry.events:
            self.size += len(bytes(event.data))
            for channel, offset in ((GLOBAL, event.seq), *event.channels):
                self._channels[channel].append((offset, event))
        if entry.answer is not None:
            self._answers[entry.answer.user_id, entry.answer.request_id] = entry.answer
        if entry.position is not None:
            self._positions[entry.position.source] = entry.position
        done.set_result(None)
        return done

    async def read(self, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]:
        if channel not in self._channels:
            return []
        start = max(0, after - self._log_start(channel))
        return within_budget(islice(self._channels[channel], start, start + limit))

    async def answers(self, since: float) -> Sequence[StoredAnswer]:
        return [answer for answer in self._answers.values() if answer.at >= since]

    async def positions(self) -> Sequence[Position]:
        return list(self._positions.values())

    async def log_starts(self) -> Mapping[str, int]:
        return dict(self._log_starts)

    async def snapshot(self) -> Snapshot | None:
        return self._snapshot

    async def save(self, snapshot: Snapshot) -> None:
        if self._snapshot is None or snapshot.seq >= self._snapshot.seq:
            self._snapshot = snapshot

    async def trim(self, upto: int) -> Mapping[str, int]:
        if self._snapshot is None or upto > self._snapshot.seq:
            raise LogError(f"there is no snapshot of the events up to {upto}")
        risen: dict[str, int] = {}
        while self._channels[GLOBAL] and self._channels[GLOBAL][0][0] <= upto:
            seq, event = self._channels[GLOBAL][0]
            self.size -= len(bytes(event.data))
            for channel, offset in ((GLOBAL, seq), *event.channels):
                self._channels[channel].popleft()
                risen[channel] = offset
        self._log_starts |= risen
        return risen

    async def close(self) -> None:
        return None

    def _log_start(self, channel: str) -> int:
        return self._log_starts.get(channel, 0)
