"""What is due to one connection: bounded by bytes and age, written once per loop turn, never awaited."""

import asyncio
import os
from collections import deque
from collections.abc import Callable

from bodhisattva.servers.core import compression

Subject = tuple[str, str, str]
"""What a frame says the newest of: channel, event and subject."""
_Joined = dict[tuple[bytes, ...], bytes]


class Turn:
    """What is due in one turn of the loop, to all connections of a server.

    What several connections are due alike is joined once, and they share the bytes. limit: how many bytes may wait for
    one connection.
    """

    def __init__(self, limit: Callable[[], int]) -> None:
        self.limit = limit
        self.due: list[Outbox] = []
        self._deflated: dict[bytes, bytes] = {}

    def deflate(self, frames: list[bytes]) -> None:
        """Compress in place, and each frame only once for all who are due it in this turn."""
        for place, frame in enumerate(frames):
            deflated = self._deflated.get(frame)
            if deflated is None:
                deflated = self._deflated[frame] = compression.deflate(frame)
            frames[place] = deflated

    def add(self, outbox: "Outbox") -> None:
        if not self.due:
            self.end()
        self.due.append(outbox)

    def end(self) -> None:
        """What is due by the end of this turn leaves."""
        asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        due, self.due = self.due, []
        joined: _Joined = {}
        limit = self.limit()
        for outbox in due:
            outbox.flush(joined, limit)
        self._deflated.clear()


class Outbox:
    """Frames on their way to `transport`; nothing is written after `close`.

    compresses: whether its peer takes compressed frames.
    is_behind: whether the kernel has not taken all that was written. written: bytes. socket: its descriptor.
    overflow: called instead of writing when more than the turn's limit would wait. A frame that is larger than that
    by itself is sent when nothing else waits.
    """

    __slots__ = (
        "_closed",
        "_direct",
        "_frames",
        "_held",
        "_marks",
        "_newest",
        "_overflow",
        "_room",
        "_transport",
        "_turn",
        "compresses",
        "is_behind",
        "socket",
        "written",
    )

    def __init__(self, transport: asyncio.Transport, turn: Turn, overflow: Callable[[], None]) -> None:
        self._transport = transport
        self.socket = _descriptor(transport)
        self._direct = None if is_secure(transport) else self.socket
        self._turn = turn
        self._overflow = overflow
        self._frames: list[bytes] = []
        self.written = 0
        self._marks: deque[tuple[int, float]] | None = None
        self._newest: dict[Subject, bytes] | None = None
        self._closed = False
        self._held = False
        self.is_behind = False
        self.compresses = False
        self._room: asyncio.Future[None] | None = None

    def hold(self) -> None:
        """Keep what is pushed for the next flush, not for the end of this loop turn."""
        self._held = True

    def push(self, frame: bytes) -> None:
        """Send the frame after all before it, at the end of this loop turn."""
        if not self._frames:
            if self._closed:
                return
            if not self._held:
                turn = self._turn
                if not turn.due:
                    turn.end()
                turn.due.append(self)
        self._frames.append(frame)

    def replace(self, about: Subject, frame: bytes) -> None:
        """Send this instead of an earlier frame about the same that is not sent yet.

        While the kernel takes nothing it is kept here, so that a slow peer gets the newest, and only that.
        """
        if self._closed:
            return
        if self._newest is None:
            self._newest = {}
        self._newest.pop(about, None)
        self._newest[about] = frame
        if not (self.is_behind or self._held):
            self._turn.add(self)

    def forget(self, channel: str) -> None:
        """Send nothing of the channel that was to be replaced."""
        if self._newest is not None:
            self._newest = {about: frame for about, frame in self._newest.items() if about[0] != channel} or None

    @property
    def total(self) -> int:
        """Bytes of all that was ever pushed."""
        return self.written + sum(map(len, self._frames))

    @property
    def size(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return sum(map(len, self._frames)) + self.unsent

    @property
    def unsent(self) -> int:
        """Bytes that were written and that the kernel has not taken yet.

        Nothing of a transport that is closing: asyncio's TLS transport cannot be asked any more.
        """
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

    def flush(self, joined: _Joined | None = None, limit: int | None = None) -> None:
        """Hand everything due to the transport in one write. joined: what others were due in this turn.

        As long as nothing waits in the transport, the kernel takes it without the transport's detour. What it does
        not take is the transport's, and so is what it has against the socket.
        """
        self._held = False
        frames = self._frames
        if self._newest is not None and not self.is_behind:
            frames.extend(self._newest.values())
            self._newest = None
        if not frames or self._transport.is_closing():
            return
        if self.compresses:
            self._turn.deflate(frames)
        several = len(frames) > 1
        data = _join(frames, {} if joined is None else joined) if several else frames[0]
        frames.clear()
        if (several or self.is_behind) and self._is_too_much(len(data), several, limit):
            self._overflow()
            return
        self.written += len(data)
        sent = 0
        if self._direct is not None and not self.is_behind:
            try:
                sent = os.write(self._direct, data)
            except OSError:
                sent = 0
        if sent < len(data):
            self._transport.write(data[sent:])

    def _is_too_much(self, more: int, several: bool, limit: int | None) -> bool:
        waiting = self.unsent
        if not (waiting or several):
            return False
        return waiting + more > (self._turn.limit() if limit is None else limit)

    def pause(self) -> None:
        """The transport has bytes that the kernel does not take."""
        self.is_behind = True

    def resume(self) -> None:
        """The kernel has taken everything."""
        self.is_behind = False
        if self._newest is not None:
            self._turn.add(self)
        if self._room is not None:
            self._room.set_result(None)
            self._room = None

    async def room(self) -> None:
        """Wait until the kernel has taken everything, or the end."""
        if self.is_behind and not self._closed:
            self._room = self._room or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)

    def age(self, now: float) -> float:
        """Seconds that the oldest unsent byte has waited, as far as earlier calls saw it wait."""
        unsent = self.unsent
        if not unsent:
            self._marks = None
            return 0.0
        marks = self._marks = self._marks or deque()
        sent = self.written - unsent
        while marks and marks[0][0] <= sent:
            marks.popleft()
        if not marks or marks[-1][0] < self.written:
            marks.append((self.written, now))
        return now - marks[0][1]

    def close(self) -> None:
        """Drop what is not written yet and take no more."""
        self._closed = True
        self._frames.clear()
        self._newest = None
        if self._room is not None:
            self._room.set_result(None)
            self._room = None


def is_secure(transport: asyncio.Transport) -> bool:
    return transport.get_extra_info("sslcontext") is not None


def _descriptor(transport: asyncio.Transport) -> int | None:
    socket = transport.get_extra_info("socket")
    return None if socket is None else int(socket.fileno())


def _join(frames: list[bytes], joined: _Joined) -> bytes:
    due = tuple(frames)
    data = joined.get(due)
    if data is None:
        data = joined[due] = b"".join(due)
    return data
