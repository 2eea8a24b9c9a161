"""The log in memory: for tests and first looks; it ends with the process, and so does its epoch."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence

from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log.base import Entry, LogError, Position, StoredAnswer, StoredEvent, within_budget
from bodhisattva.servers.core.service import GLOBAL


class MemoryLog:
    """See `base.Log`."""

    def __init__(self) -> None:
        self.epoch = fresh_id()
        self._channels: dict[str, list[tuple[int, StoredEvent]]] = defaultdict(list)
        self._answers: dict[tuple[str, str], StoredAnswer] = {}
        self._positions: dict[str, Position] = {}
        self._failed = False

    async def open(self) -> None:
        return None

    async def recover(self) -> None:
        self._failed = False

    async def replay(self) -> AsyncIterator[Sequence[StoredEvent]]:
        yield [event for _, event in self._channels[GLOBAL]]

    def append(self, entry: Entry) -> "asyncio.Future[None]":
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        expected = len(self._channels[GLOBAL]) + 1
        self._failed |= bool(entry.events) and entry.events[0].seq != expected
        if self._failed:
            done.set_exception(LogError(f"not at {expected}, or an earlier append failed"))
            return done
        for event in entry.events:
            self._channels[GLOBAL].append((event.seq, event))
            for channel, offset in event.channels:
                self._channels[channel].append((offset, event))
        if entry.answer is not None:
            self._answers[entry.answer.user_id, entry.answer.request_id] = entry.answer
        if entry.position is not None:
            self._positions[entry.position.source] = entry.position
        done.set_result(None)
        return done

    async def read(self, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]:
        return within_budget(self._channels[channel][after : after + limit]) if channel in self._channels else []

    async def answers(self, since: float) -> Sequence[StoredAnswer]:
        return [answer for answer in self._answers.values() if answer.at >= since]

    async def positions(self) -> Sequence[Position]:
        return list(self._positions.values())

    async def close(self) -> None:
        return None
