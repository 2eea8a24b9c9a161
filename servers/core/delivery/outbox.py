"""Output of one connection: bounded by bytes and age, written once per iteration of the loop, never awaited."""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bodhisattva.servers.core.delivery.write_batch import Joined, WriteBatch
from bodhisattva.servers.core.transport.lifecycle import Lifecycle
from bodhisattva.servers.core.transport.tls import is_secure

CoalesceKey = tuple[str, str]
"""The channel, and a key on it: of unsent frames with the same key only the newest is sent (protocol 5)."""
_CHUNK = 64 * 1024  # bytes from which asyncio's transport of a socket reports that it is behind


class Outbox:
    """Frames on their way to `transport`, as long as the connection's lifecycle lets it send.

    compresses: whether its peer takes compressed frames.
    is_behind: whether the kernel has not taken all that was written. written: bytes. socket: its descriptor.
    overflow: called instead of writing when more than the batch's limit would wait. A frame that is larger than that
    by itself is sent when nothing else waits.
    """

    __slots__ = (
        "_batch",
        "_coalesced",
        "_coalesced_bytes",
        "_direct",
        "_drained",
        "_frames",
        "_is_held",
        "_large",
        "_lifecycle",
        "_marks",
        "_overflow",
        "_transport",
        "compresses",
        "is_behind",
        "socket",
        "written",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        lifecycle: Lifecycle,
        batch: WriteBatch,
        overflow: Callable[[], None],
        *,
        compresses: bool = False,
    ) -> None:
        self._transport = transport
        self._lifecycle = lifecycle
        self.socket = _descriptor(transport)
        self.compresses = compresses
        self._direct = self._descriptor_to_write_to()
        self._batch = batch
        self._overflow = overflow
        self._frames: list[bytes] = []
        self.written = 0
        self._marks: deque[tuple[int, float]] | None = None
        self._coalesced: dict[CoalesceKey, bytes] | None = None
        self._coalesced_bytes = 0
        self._is_held = False
        self.is_behind = False
        self._drained: asyncio.Future[None] | None = None
        self._large: asyncio.Lock | None = None

    def hold(self) -> None:
        """Keep what is pushed for the next flush, not for the end of this iteration of the loop."""
        self._is_held = True

    def push(self, frame: bytes) -> None:
        """Send the frame after all before it, at the end of this iteration of the loop."""
        batch = self._batch
        if self in batch.group:
            batch.split()
        if not self._frames:
            if not self._lifecycle.sends:
                return
            if not self._is_held:
                batch.add(self)
        self._frames.append(frame)

    def coalesce(self, key: CoalesceKey, frame: bytes) -> None:
        """Send this instead of an unsent frame of the same key.

        While the kernel takes nothing it is kept here, so that a slow peer gets only the newest.
        """
        if not self._lifecycle.sends:
            return
        if self._coalesced is None:
            self._coalesced = {}
        self._coalesced_bytes += len(frame) - len(self._coalesced.pop(key, b""))
        self._coalesced[key] = frame
        if self.is_behind:
            if self.unsent + self._coalesced_bytes > self._batch.limit():
                self._overflow()
        elif not self._is_held:
            self._batch.add(self)

    def drop_coalesced(self, channel: str) -> None:
        """Drop the unsent coalesced frames of a channel."""
        if self._coalesced is not None:
            self._coalesced = {key: frame for key, frame in self._coalesced.items() if key[0] != channel} or None
            self._coalesced_bytes = sum(map(len, (self._coalesced or {}).values()))

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

        0 for a transport that is closing: the buffer of asyncio's TLS transport cannot be read any more.
        """
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

    def flush(self, joined: Joined | None = None, limit: int | None = None) -> None:
        """Hand everything due to the transport in one write. joined: what others were due in this batch.

        As long as nothing waits in the transport, the kernel takes it without the transport's detour. The rest goes to
        the transport, which also handles errors of the socket.
        """
        self._is_held = False
        if self in self._batch.group:
            self._batch.split()
        frames = self._frames
        if self._coalesced is not None and not self.is_behind:
            frames.extend(self._coalesced.values())
            self._coalesced, self._coalesced_bytes = None, 0
        if not frames or self._transport.is_closing():
            return
        if self.compresses:
            self._batch.deflate(frames)
        several = len(frames) > 1
        data = _join(frames, {} if joined is None else joined) if several else frames[0]
        frames.clear()
        if (several or self.is_behind) and self._is_too_much(len(data), several, limit):
            self._overflow()
            return
        if not self.write(data):
            self.written += len(data)
            self._write_to_transport(data)

    def _write_to_transport(self, data: bytes) -> None:
        """In chunks: asyncio's TLS transport counts what it has left, not what it gave at once to the one below it."""
        if len(data) <= _CHUNK or not is_secure(self._transport):
            self._transport.write(data)
            return
        rest = memoryview(data)
        while rest and not self._transport.is_closing():
            self._transport.write(rest[:_CHUNK])
            rest = rest[_CHUNK:]

    def write(self, data: bytes) -> bool:
        """Write at once if nothing else is due; False if it was not written."""
        if self._direct is None or self._frames or self._coalesced is not None:
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
        return waiting + more > (self._batch.limit() if limit is None else limit)

    def pause(self) -> None:
        """The transport has bytes that the kernel does not take."""
        self.is_behind = True
        self._direct = None

    def resume(self) -> None:
        """The kernel has taken everything."""
        self.is_behind = False
        self._direct = self._descriptor_to_write_to()
        if self._coalesced is not None:
            self._batch.add(self)
        self._wake()

    def _descriptor_to_write_to(self) -> int | None:
        cannot = self.compresses or not self._lifecycle.sends or is_secure(self._transport)
        return None if cannot else self.socket

    async def drained(self) -> None:
        """Wait until the kernel has taken everything, or nothing more is sent."""
        if self.is_behind and self._lifecycle.sends:
            self._drained = self._drained or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drained)

    def _wake(self) -> None:
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None

    @asynccontextmanager
    async def one_by_one(self) -> AsyncIterator[None]:
        """Make something large to send, once what was made so before has left: not too much may wait at once."""
        self._large = self._large or asyncio.Lock()
        async with self._large:
            self.flush()
            await self.drained()
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

    def discard(self) -> None:
        """Drop what is not written yet, of a connection that sends no more."""
        self._direct = None
        self._frames.clear()
        self._coalesced, self._coalesced_bytes = None, 0
        self._wake()


def _descriptor(transport: asyncio.Transport) -> int | None:
    socket = transport.get_extra_info("socket")
    return None if socket is None else int(socket.fileno())


def _join(frames: list[bytes], joined: Joined) -> bytes:
    due = tuple(frames)
    data = joined.get(due)
    if data is None:
        data = joined[due] = b"".join(due)
    return data
