"""Which events of its source a bridge has taken in, said in little, so that it is known also when the source's log was
replaced: by an older backup, by an import, by a Redis without its tail.

The log that the bridge knew and the one that it finds begin alike (ids are unique, and copied with their events), and
from some place on have nothing in common. The marks of a position are the newest events that took effect, each, and
ever fewer of the earlier ones, as in a blockchain's locator. They name the place exactly if it is among the newest.
Otherwise it lies between two marks, and there the source's own clock decides: what happened no later than the last
event that took effect has taken effect, too.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from bodhisattva.servers.core.log.base import Mark

DENSE = 64  # so many of the newest events have a mark each
_FEWER = 8  # of the others, about so many wherever their distance doubles

# Whether the source's log has this event in this place, or is not to be asked since it no longer holds what was there.
Has = Callable[[Mark], Awaitable[bool]]


def extended(marks: Sequence[Mark], newest: Mark) -> tuple[Mark, ...]:
    """The marks with one more, and without those that are dispensable by now."""
    return (*(mark for mark in marks if _is_kept(mark.offset, newest.offset)), newest)


def _is_kept(offset: int, newest: int) -> bool:
    """By multiples of a power of two, so that what is kept at a distance was kept at each shorter one."""
    distance = newest - offset
    if distance < DENSE:
        return True
    return offset % (1 << ((distance // _FEWER).bit_length() - 1)) == 0


async def common(marks: Sequence[Mark], has: Has) -> tuple[Mark, ...]:
    """The marks, from the first on, that stand for events which the source's log has too."""
    if not marks or await has(marks[-1]):
        return tuple(marks)
    low, high = 0, len(marks) - 1
    while low < high:
        middle = (low + high) // 2
        if await has(marks[middle]):
            low = middle + 1
        else:
            high = middle
    return tuple(marks[:low])


def happened_by(timestamp: str, moment: str) -> bool:
    """Whether an event happened no later than another; False if that cannot be told."""
    try:
        return datetime.fromisoformat(timestamp) <= datetime.fromisoformat(moment)
    except (ValueError, TypeError):
        return False
