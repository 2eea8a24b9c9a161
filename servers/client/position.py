"""A place in a channel's log (protocol 5)."""

import msgspec


class Position(msgspec.Struct, frozen=True):
    """After the event with this offset, in the log with this epoch; offset 0 is before the first event."""

    epoch: str
    offset: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.offset}"
