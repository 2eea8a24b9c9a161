"""The bookkeeping that makes resuming exact (protocol 5)."""

from bodhisattva.servers.client.errors import Discontinuity, GapDetected, PositionLost
from bodhisattva.servers.client.position import Position


class Resumption:
    """Tracks one persisted channel over any number of connections.

    It recognises duplicates, and reports each break in the numbering.
    position: of the newest event received; None until a server has named one.
    """

    def __init__(self, channel: str, since: Position | None = None) -> None:
        self.channel = channel
        self.position = since

    def resumed(self, at: Position, *, recovered: bool) -> PositionLost | None:
        """Take the server's answer to `subscribe`: `at` is its position, `recovered` its promise to replay.

        The promise does not count if `at` names another log, or a log that ends before an event already received.
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
        newest = self.position
        return newest is not None and position.epoch == newest.epoch and position.offset <= newest.offset

    def advance(self, position: Position) -> Discontinuity | None:
        """Move on to an event that is no duplicate; return the break before it, if there is one."""
        before, self.position = self.position, position
        if before is None:
            return None
        after_break = Position(position.epoch, position.offset - 1)
        if position.epoch != before.epoch:
            return PositionLost(self.channel, before, after_break)
        if after_break != before:
            return GapDetected(self.channel, before, after_break)
        return None
