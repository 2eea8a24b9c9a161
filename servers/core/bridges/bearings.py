"""Where a bridge goes on in its source's log, which may have been trimmed or replaced meanwhile (protocol 8)."""

from typing import NamedTuple

from bodhisattva.servers.client import Client, Event, Position
from bodhisattva.servers.core.bridges import marks
from bodhisattva.servers.core.log import base

_PAGE = 1000


class Bearings(NamedTuple):
    """since: after which event it goes on. marks: those of the events up to there. lost: how many events before it
    are held no longer and had no effect. turned_back: whether the log was replaced by one that went another way."""

    since: Position
    marks: tuple[base.Mark, ...]
    lost: int
    turned_back: bool


async def take(client: Client, channel: str, stored: base.Position | None) -> Bearings:
    """After the last of the source's events that took effect; from the beginning if none did."""
    head = await client.head(channel)
    known = stored.marks if stored is not None else ()

    async def has(mark: base.Mark) -> bool:
        found = await client.history(channel, after=mark.offset - 1, limit=1)
        if not found:
            return mark.offset <= head.offset  # all up to there was removed
        return _offset(found[0]) > mark.offset or found[0].id == mark.id

    shared = await marks.common(known, has)
    turned_back = len(shared) < len(known)
    if stored is None:
        after = 0
    elif turned_back:
        upto = known[len(shared)].offset
        after = await _last_in_effect(client, channel, shared[-1].offset if shared else 0, upto, stored.at)
    elif known:
        after = stored.offset
    else:
        after = min(stored.offset, head.offset) if stored.epoch == head.epoch else 0
    first = await _first_held(client, channel, after, head)
    return Bearings(Position(head.epoch, first - 1), shared, first - 1 - after, turned_back)


async def _last_in_effect(client: Client, channel: str, after: int, upto: int, moment: str) -> int:
    """The offset of the last event after one and before another that happened by a moment."""
    while page := await client.history(channel, after=after, limit=_PAGE):
        for event in page:
            if _offset(event) >= upto or not marks.happened_by(event.timestamp, moment):
                return after
            after = _offset(event)
    return after


async def _first_held(client: Client, channel: str, after: int, head: Position) -> int:
    """The offset of the first event after one that the log still holds, or will have."""
    held = await client.history(channel, after=after, limit=1)
    return _offset(held[0]) if held else max(head.offset, after) + 1


def _offset(event: Event) -> int:
    return event.position.offset if event.position is not None else 0
