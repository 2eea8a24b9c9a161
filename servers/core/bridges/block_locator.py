"""A compact list of the events that a bridge has applied, to find where a replaced log of its source diverges.

The source's log may be replaced: by an older backup, by an import, by a Redis that lost its tail. The old log and the
new one begin alike, since ids are unique and copied with their events. From some place on they have nothing in common.

A block locator (the name is Bitcoin's) marks every one of the newest events and ever fewer of the earlier ones. It
gives the place exactly if that is among the newest. Otherwise the place lies between two marks. There the source's
clock decides: an event that happened no later than the last event applied has been applied too.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bodhisattva.servers.core.log.base import Mark

DENSE = 64  # each of so many newest events has a mark
_SPARSE = 8  # earlier ones have about so many marks each time their distance doubles

# Whether the source's log has this event at this offset, or None if it has removed the events there.
Holds = Callable[[Mark], Awaitable[bool]]


@dataclass(frozen=True)
class BlockLocator:
    """marks: offset and id of some of the applied events, in order."""

    marks: tuple[Mark, ...] = ()

    def extended(self, newest: Mark) -> "BlockLocator":
        """The locator with one more event, and without the marks that it no longer needs."""
        return BlockLocator((*(mark for mark in self.marks if _is_kept(mark.offset, newest.offset)), newest))

    async def common_with(self, holds: Holds) -> "BlockLocator":
        """The marks, from the first on, whose events the source's log has too; by bisection."""
        if not self.marks or await holds(self.marks[-1]):
            return self
        low, high = 0, len(self.marks) - 1
        while low < high:
            middle = (low + high) // 2
            if await holds(self.marks[middle]):
                low = middle + 1
            else:
                high = middle
        return BlockLocator(self.marks[:low])


def _is_kept(offset: int, newest: int) -> bool:
    """Keep multiples of a power of two, so that a mark kept at a distance was kept at each shorter one."""
    distance = newest - offset
    if distance < DENSE:
        return True
    return offset % (1 << ((distance // _SPARSE).bit_length() - 1)) == 0


def happened_by(timestamp: str, moment: str) -> bool:
    """Whether an event happened no later than another; False if a time is missing or cannot be compared."""
    try:
        return datetime.fromisoformat(timestamp) <= datetime.fromisoformat(moment)
    except (ValueError, TypeError):
        return False
