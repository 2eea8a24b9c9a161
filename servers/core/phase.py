"""How far a server's life has come (protocol 7)."""

from enum import IntEnum, auto


class Phase(IntEnum):
    """In this order; a server that does not drain goes from the first to the last."""

    SERVING = auto()
    DRAINING = auto()
    STOPPING = auto()
