"""Whether a ping is still on its way to a peer that reads slowly (protocol 4).

A ping waits behind all that was sent before it. As long as the peer's TCP acknowledges more and more of that, the peer
lives, and the time for its answer has not begun.
"""

import fcntl
import sys
import termios

from bodhisattva.servers.core.delivery.outbox import Outbox


class PendingAck:
    """The acknowledgement of the newest frame in an outbox. done: it has come."""

    __slots__ = ("_acknowledged", "_end", "_outbox", "done")

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._end = outbox.total
        self._acknowledged = acknowledged(outbox)
        self.done = False

    def waits_behind(self, size: int) -> bool:
        """Whether more is unacknowledged than the `size` bytes of the frame itself."""
        return self._end - self._acknowledged > size

    def advances(self) -> bool:
        """Whether the peer has acknowledged more since the last call, up to the end of the frame."""
        now = min(acknowledged(self._outbox), self._end)
        self.done = now == self._end
        before, self._acknowledged = self._acknowledged, now
        return now > before


def acknowledged(outbox: Outbox) -> int:
    """Bytes of all that was pushed that the peer's TCP has acknowledged; under TLS nearly so."""
    return outbox.written - outbox.unsent - _in_kernel(outbox.socket)


def _in_kernel(socket: int | None) -> int:
    """Bytes of a socket's send queue, 0 where the system does not report it."""
    if socket is None:
        return 0
    try:
        queued = fcntl.ioctl(socket, termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(queued, sys.byteorder)
