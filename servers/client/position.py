"""Where a reader stands in a channel, and the bookkeeping that makes resuming exact (protocol 5)."""

import msgspec

from bodhisattva.servers.client.errors import Discontinuity, GapDetected, PositionLost


class Position(msgspec.Struct, frozen=True):
    """After the event with this offset, in the log with this epoch; offset 0 is before the first event."""

    epoch: str
    offset: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.offset}"


class Resumption:
    """Follows one persisted channel over any number of connections.

    It tells duplicates from news, and reports each break in the numbering instead of passing over it.
    `position` is that of the newest event seen; None until a server has named one.
    """

    def __init__(self, channel: str, since: Position | None = None) -> None:
        self.channel = channel
        self.position = since

    def resumed(self, at: Position, *, recovered: bool) -> PositionLost | None:
        """Take the server's answer to `subscribe`: `at` is its position, `recovered` its promise to replay.

        A promise is not believed if `at` shows another log, or one that ends before what was already seen.
        """
        before = self.position
        if before is None:
            self.position = at
            return None
        if recovered and at.epoch == before.epoch and at.offset >= before.offset:
            return None
        self.position = at
        return PositionLost(self.channel, before, at)

    def is_duplicate(self, position: Position) -> bool:
        seen = self.position
        return seen is not None and position.epoch == seen.epoch and position.offset <= seen.offset

    def advance(self, position: Position) -> Discontinuity | None:
        """Move on to an event that is no duplicate; the break before it, if there is one."""
        before, self.position = self.position, position
        if before is None:
            return None
        after_break = Position(position.epoch, position.offset - 1)
        if position.epoch != before.epoch:
            return PositionLost(self.channel, before, after_break)
        if after_break != before:
            return GapDetected(self.channel, before, after_break)
        return None
