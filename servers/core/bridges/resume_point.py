"""Finds where a bridge resumes in its source's log, which may have been trimmed or replaced meanwhile (protocol 8)."""

from typing import NamedTuple

from bodhisattva.servers.client import Client, Event, Position
from bodhisattva.servers.core.bridges.block_locator import BlockLocator, happened_by
from bodhisattva.servers.core.log import base

_PAGE = 1000


class ResumePoint(NamedTuple):
    """Where to subscribe from.

    since: the event to resume after. locator: of the applied events up to there.
    lost: how many events that were never applied the source has removed. diverged: whether the source's log was
    replaced by one that differs from the events applied here.
    """

    since: Position
    locator: BlockLocator
    lost: int
    diverged: bool


async def find(client: Client, channel: str, stored: base.Position | None) -> ResumePoint:
    """The point after the last of the source's events that was applied; the beginning if none was."""
    head = await client.head(channel)
    known = BlockLocator(stored.marks if stored is not None else ())

    async def holds(mark: base.Mark) -> bool:
        found = await client.history(channel, after=mark.offset - 1, limit=1)
        if not found:
            return mark.offset <= head.offset  # the source has removed all events up to there
        return _offset(found[0]) > mark.offset or found[0].id == mark.id

    shared = await known.common_with(holds)
    after = await _last_applied(client, channel, stored, shared, head)
    first = await _first_held(client, channel, after, head)
    return ResumePoint(
        since=Position(head.epoch, first - 1),
        locator=shared,
        lost=first - 1 - after,
        diverged=shared != known,
    )


async def _last_applied(
    client: Client, channel: str, stored: base.Position | None, shared: BlockLocator, head: Position
) -> int:
    """The offset, in the source's present log, of the last event that was applied; 0 if none was."""
    if stored is None:
        return 0
    if len(shared.marks) < len(stored.marks):
        begin = shared.marks[-1].offset if shared.marks else 0
        end = stored.marks[len(shared.marks)].offset
        return await _last_by_time(client, channel, begin, end, stored.at)
    if stored.marks:
        return stored.offset
    return min(stored.offset, head.offset) if stored.epoch == head.epoch else 0


async def _last_by_time(client: Client, channel: str, after: int, before: int, moment: str) -> int:
    """The offset of the last event between two offsets that happened by `moment`; `after` if there is none."""
    while page := await client.history(channel, after=after, limit=_PAGE):
        for event in page:
            if _offset(event) >= before or not happened_by(event.timestamp, moment):
                return after
            after = _offset(event)
    return after


async def _first_held(client: Client, channel: str, after: int, head: Position) -> int:
    """The offset of the first event after `after` that the log still holds, or of the next one to come."""
    held = await client.history(channel, after=after, limit=1)
    return _offset(held[0]) if held else max(head.offset, after) + 1


def _offset(event: Event) -> int:
    return event.position.offset if event.position is not None else 0
