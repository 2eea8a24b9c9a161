"""The state that a log gives: at start, and after a failed write."""

from typing import NamedTuple

import msgspec

from bodhisattva.servers.core.domain import Event, State
from bodhisattva.servers.core.log.base import Log, StoredEvent
from bodhisattva.servers.core.service import GLOBAL, Service


class Replayed(NamedTuple):
    """offsets: of each channel's newest event. newer: the events after the number that was asked for."""

    state: State
    offsets: dict[str, int]
    newer: list[StoredEvent]


async def replay(service: Service, log: Log, newer_than: int | None = None) -> Replayed:
    """Apply every event of the log to a fresh state; raises what `apply` raises, and LogError."""
    state = service.state()
    offsets: dict[str, int] = {}
    newer: list[StoredEvent] = []
    async for chunk in log.replay():
        for stored in chunk:
            channels = tuple(channel for channel, _ in stored.channels)
            state.apply(Event(stored.name, channels, msgspec.json.decode(stored.data)))
            offsets[GLOBAL] = stored.seq
            offsets.update(stored.channels)
            if newer_than is not None and stored.seq > newer_than:
                newer.append(stored)
    return Replayed(state, offsets, newer)
