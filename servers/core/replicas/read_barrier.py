"""Requests that wait until the state holds what was in the log when they came (a read barrier, as in Raft's reads)."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple


class _Waiting(NamedTuple):
    """A callback, and the number of the event that it needs; None for the end of the log."""

    then: Callable[[bool], None]
    seq: int | None


class ReadBarrier:
    """Callbacks in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, then: Callable[[bool], None], seq: int | None) -> None:
        self._waiting.append(_Waiting(then, seq))

    async def pass_through(self, catch_up: Callable[[int | None], Awaitable[None]]) -> None:
        """Call whatever waits by now with True, once the log was read on as far as any of it needs.

        If `catch_up` fails, all of it waits on.
        """
        waiting, self._waiting = self._waiting, []
        try:
            await catch_up(_farthest(waiting))
        except BaseException:
            self._waiting = [*waiting, *self._waiting]
            raise
        for each in waiting:
            each.then(True)

    def fail(self) -> None:
        """Call whatever waits with False."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.then(False)


def _farthest(waiting: list[_Waiting]) -> int | None:
    """None if any needs the end of the log; 0 if none waits."""
    if any(each.seq is None for each in waiting):
        return None
    return max((each.seq or 0 for each in waiting), default=0)
