"""What is due to one connection: bounded by bytes and age, written once per loop turn, never awaited."""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from bodhisattva.servers.core.transport import compression

Subject = tuple[str, str]
"""What a frame says the newest of: the channel, and the subject on it."""
Room = Mapping["Outbox", object]
"""The outboxes of those who listen to a channel."""
_Joined = dict[tuple[bytes, ...], bytes]
_NOBODY: Room = MappingProxyType({})
_PIECE = 64 * 1024  # bytes from which asyncio's transport of a socket says that it is behind


class Turn:
    """What is due in one turn of the loop, to all connections of a server.

    What a room is due is kept once for all of it, until the turn ends or one of the room is due something else.
    What several connections are due alike is joined once, and they share the bytes. limit: how many bytes may wait for
    one connection.
    """

    def __init__(self, limit: Callable[[], int]) -> None:
        self.limit = limit
        self.due: list[Outbox] = []
        self.room = _NOBODY
        self._spread: list[bytes] = []
        self._ends = False
        self._deflated: dict[bytes, bytes] = {}

    def spread(self, room: Room, frame: bytes) -> None:
        """Send the frame to the whole room, after all that is due to each of it. The room may not change meanwhile."""
        if room is not self.room:
            self.part()
            self.room = room
            self.end()
        self._spread.append(frame)

    def part(self) -> None:
        """Each of the room has what it is due from now on; what follows may be for some of them only."""
        if self.room is _NOBODY:
            return
        room, self.room = self.room, _NOBODY
        frames, self._spread = self._spread, []
        for outbox in room:
            for frame in frames:
                outbox.push(frame)

    def deflate(self, frames: list[bytes]) -> None:
        """Compress in place, and each frame only once for all who are due it in this turn."""
        for place, frame in enumerate(frames):
            deflated = self._deflated.get(frame)
            if deflated is None:
                deflated = self._deflated[frame] = compression.deflate(frame)
            frames[place] = deflated

    def add(self, outbox: "Outbox") -> None:
        self.end()
        self.due.append(outbox)

    def end(self) -> None:
        """What is due by the end of this turn leaves."""
        if not self._ends:
            self._ends = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        self._ends = False
        limit = self.limit()
        if self.room is not _NOBODY:
            self._flush_room(limit)
        due, self.due = self.due, []
        joined: _Joined = {}
        for outbox in due:
            outbox.flush(joined, limit)
        self._deflated.clear()

    def _flush_room(self, limit: int) -> None:
        """Write what the room is due to all who are due nothing else; the others have it with the rest."""
        frames = self._spread
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        if len(frames) > 1 and len(data) > limit:
            self.part()
            return
        room, self.room, self._spread = self.room, _NOBODY, []
        for outbox in [outbox for outbox in room if not outbox.write(data)]:
            for frame in frames:
                outbox.push(frame)


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
        "_kept",
        "_large",
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

    def __init__(
        self, transport: asyncio.Transport, turn: Turn, overflow: Callable[[], None], *, compresses: bool = False
    ) -> None:
        self._transport = transport
        self.socket = _descriptor(transport)
        self._closed = False
        self.compresses = compresses
        self._direct = self._descriptor_to_write_to()
        self._turn = turn
        self._overflow = overflow
        self._frames: list[bytes] = []
        self.written = 0
        self._marks: deque[tuple[int, float]] | None = None
        self._newest: dict[Subject, bytes] | None = None
        self._kept = 0  # bytes of the newest
        self._held = False
        self.is_behind = False
        self._room: asyncio.Future[None] | None = None
        self._large: asyncio.Lock | None = None

    def hold(self) -> None:
        """Keep what is pushed for the next flush, not for the end of this loop turn."""
        self._held = True

    def push(self, frame: bytes) -> None:
        """Send the frame after all before it, at the end of this loop turn."""
        turn = self._turn
        if self in turn.room:
            turn.part()
        if not self._frames:
            if self._closed:
                return
            if not self._held:
                turn.add(self)
        self._frames.append(frame)

    def replace(self, about: Subject, frame: bytes) -> None:
        """Send this instead of an earlier frame about the same that is not sent yet.

        While the kernel takes nothing it is kept here, so that a slow peer gets the newest, and only that.
        """
        if self._closed:
            return
        if self._newest is None:
            self._newest = {}
        self._kept += len(frame) - len(self._newest.pop(about, b""))
        self._newest[about] = frame
        if self.is_behind:
            if self.unsent + self._kept > self._turn.limit():
                self._overflow()
        elif not self._held:
            self._turn.add(self)

    def forget(self, channel: str) -> None:
        """Send nothing of the channel that was to be replaced."""
        if self._newest is not None:
            self._newest = {about: frame for about, frame in self._newest.items() if about[0] != channel} or None
            self._kept = sum(map(len, (self._newest or {}).values()))

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
        if self in self._turn.room:
            self._turn.part()
        frames = self._frames
        if self._newest is not None and not self.is_behind:
            frames.extend(self._newest.values())
            self._newest, self._kept = None, 0
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
        if not self.write(data):
            self.written += len(data)
            self._hand_over(data)

    def _hand_over(self, data: bytes) -> None:
        """In pieces: asyncio's TLS transport counts what it has left, not what it gave at once to the one below it."""
        if len(data) <= _PIECE or not is_secure(self._transport):
            self._transport.write(data)
            return
        rest = memoryview(data)
        while rest and not self._transport.is_closing():
            self._transport.write(rest[:_PIECE])
            rest = rest[_PIECE:]

    def write(self, data: bytes) -> bool:
        """Write at once what is due, if nothing else is; False if there is more to it than to write."""
        if self._direct is None or self._frames or self._newest is not None:
            return False
        try:
            sent = os.write(self._direct, data)
        except OSError:
            sent = 0
        self.written += len(data)
        if sent < len(data) and not self._transport.is_closing():
            self._transport.write(data[sent:])
        return True

    def _is_too_much(self, more: int, several: bool, limit: int | None) -> bool:
        waiting = self.unsent
        if not (waiting or several):
            return False
        return waiting + more > (self._turn.limit() if limit is None else limit)

    def pause(self) -> None:
        """The transport has bytes that the kernel does not take."""
        self.is_behind = True
        self._direct = None

    def resume(self) -> None:
        """The kernel has taken everything."""
        self.is_behind = False
        self._direct = self._descriptor_to_write_to()
        if self._newest is not None:
            self._turn.add(self)
        if self._room is not None:
            self._room.set_result(None)
            self._room = None

    def _descriptor_to_write_to(self) -> int | None:
        return None if self._closed or self.compresses or is_secure(self._transport) else self.socket

    async def room(self) -> None:
        """Wait until the kernel has taken everything, or the end."""
        if self.is_behind and not self._closed:
            self._room = self._room or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)

    @asynccontextmanager
    async def one_by_one(self) -> AsyncIterator[None]:
        """Make something large to send: when what was made so before has left, so that not too much waits at once."""
        self._large = self._large or asyncio.Lock()
        async with self._large:
            self.flush()
            await self.room()
            yield

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
        self._direct = None
        self._frames.clear()
        self._newest, self._kept = None, 0
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
