"""The state that a log gives: at start, after a failed write, and for a snapshot."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.domain import Event, State
from bodhisattva.servers.core.engine.snapshot import unpack
from bodhisattva.servers.core.log.base import Log, LogTrimmed, Snapshot, StoredEvent, between, pages
from bodhisattva.servers.core.service import Service


class Replayed(NamedTuple):
    """offsets: of each channel's newest event. newer: the events after the requested number."""

    state: State
    offsets: dict[str, int]
    newer: list[StoredEvent]


async def replay(service: Service, log: Log, *, newer_than: int | None = None, upto: int | None = None) -> Replayed:
    """Apply the events of the log, all or those up to a number, to its snapshot or else to a fresh state.

    Raises what `apply` and `unpack` raise, and LogError: LogTrimmed if the events after `newer_than` are gone.
    It leaves the loop free for others; with `upto` it takes no notice of what else is read meanwhile.
    """
    while True:
        snapshot = await log.snapshot()
        try:
            return await _replay(service, log, snapshot, newer_than, upto)
        except LogTrimmed:
            now = await log.snapshot()
            if now is None or (snapshot is not None and now.seq == snapshot.seq):
                raise


async def _replay(
    service: Service, log: Log, snapshot: Snapshot | None, newer_than: int | None, upto: int | None
) -> Replayed:
    state = await asyncio.to_thread(unpack, service, snapshot.state) if snapshot else service.state()
    offsets = dict(snapshot.offsets) if snapshot else {}
    start = snapshot.seq if snapshot else 0
    newer = await between(log, newer_than, start) if newer_than is not None else []
    async for chunk in log.replay(start) if upto is None else pages(log, start):
        wanted = [stored for stored in chunk if upto is None or stored.seq <= upto]
        await asyncio.to_thread(apply_all, state, wanted)
        for stored in wanted:
            offsets[GLOBAL] = stored.seq
            offsets.update(stored.channels)
            if newer_than is not None and stored.seq > newer_than:
                newer.append(stored)
        if len(wanted) < len(chunk):
            break
    return Replayed(state, offsets, newer)


def apply_all(state: State, events: Sequence[StoredEvent]) -> None:
    for stored in events:
        channels = tuple(channel for channel, _ in stored.channels)
        state.apply(Event(stored.name, channels, msgspec.json.decode(stored.data)))
