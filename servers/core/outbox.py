"""What is due to one connection: bounded by bytes and age, written once per loop turn, never awaited."""

import asyncio
from collections import deque


class Outbox:
    """Frames on their way to `transport`; nothing is written after `close`."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._frames: list[bytes] = []
        self._bytes = 0
        self._written = 0
        self._marks: deque[tuple[int, float]] = deque()
        self._closed = False

    def push(self, frame: bytes, limit: int) -> bool:
        """Send the frame after all before it; False if more than `limit` bytes would wait, and it is not sent.

        A frame that is larger than the limit alone is sent when nothing else waits.
        """
        if self._closed:
            return True
        waiting = self.size
        if waiting and waiting + len(frame) > limit:
            return False
        if not self._frames:
            self._loop.call_soon(self.flush)
        self._frames.append(frame)
        self._bytes += len(frame)
        return True

    @property
    def size(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._bytes + self._unsent()

    def flush(self) -> None:
        """Hand everything due to the transport in one write."""
        if not self._frames or self._transport.is_closing():
            return
        self._transport.write(self._frames[0] if len(self._frames) == 1 else b"".join(self._frames))
        self._written += self._bytes
        self._frames.clear()
        self._bytes = 0

    def age(self, now: float) -> float:
        """Seconds that the oldest unsent byte has waited, as far as earlier calls saw it wait."""
        unsent = self._unsent()
        sent = self._written - unsent
        while self._marks and self._marks[0][0] <= sent:
            self._marks.popleft()
        if unsent and (not self._marks or self._marks[-1][0] < self._written):
            self._marks.append((self._written, now))
        return now - self._marks[0][1] if self._marks else 0.0

    def close(self) -> None:
        """Drop what is not written yet and take no more."""
        self._closed = True
        self._frames.clear()
        self._bytes = 0

    def _unsent(self) -> int:
        """Nothing of a transport that is closing: asyncio's TLS transport cannot be asked any more."""
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()
