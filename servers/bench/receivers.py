"""Many connections that receive the same events, at the least cost that still proves that each had all, in order.

What the first of them receives is the stream that all the others must receive byte for byte; that it is whole is
then to be seen in one copy. Comparing bytes is all that is done for an event at a receiver.
"""

import select
from bisect import bisect_right
from collections.abc import Sequence

from bodhisattva.servers.bench.wire import CHUNK, PATIENCE, TEXT, Line, Lost, place


class Receivers:
    """The receiving ends; from now on nobody else reads from these lines."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = {line.socket.fileno(): line for line in lines}
        self._stream = bytearray()
        self._ends = [0]
        self._at = dict.fromkeys(self._lines, 0)
        self._rest: dict[int, bytes] = {}
        self._taken = 0
        self._poll = select.epoll()
        for number in self._lines:
            self._poll.register(number, select.EPOLLIN)

    def close(self) -> None:
        self._poll.close()

    def take(self, count: int) -> None:
        """Wait until every receiver has had `count` events in all. Lost says what is missing."""
        while not self._have(count):
            ready = self._poll.poll(PATIENCE)
            if not ready:
                behind = sum(at < len(self._stream) for at in self._at.values())
                got = f"{self.had} of {count} events, {behind} of {len(self._lines)} receivers behind"
                raise Lost(f"waited {PATIENCE:g} s in vain for events: {got}")
            for number, _ in ready:
                self._receive(number)

    @property
    def had(self) -> int:
        """Events that one receiver at least has had."""
        return len(self._ends) - 1

    def _have(self, count: int) -> bool:
        if self.had > count:
            raise Lost(f"{self.had} events arrived where {count} were due")
        return self.had == count and self._taken == len(self._stream) * len(self._lines)

    def events(self) -> list[bytes]:
        """The texts of all events, in the order in which all received them."""
        found = [place(self._stream, start) for start in self._ends[:-1]]
        return [bytes(self._stream[each.payload : each.end]) for each in found if each]

    @property
    def size(self) -> int:
        """Bytes that one receiver had, frame heads and all."""
        return len(self._stream)

    def _receive(self, number: int) -> None:
        data = self._lines[number].socket.recv(CHUNK)
        if not data:
            raise Lost("the server ended a receiver's connection")
        at = self._at[number]
        if number not in self._rest and self._stream[at : at + len(data)] == data:
            self._at[number] = at + len(data)
            self._taken += len(data)
        else:
            self._sort(number, data)

    def _sort(self, number: int, data: bytes) -> None:
        """Frame by frame: what is new to all, what is no event at all, and what does not belong."""
        at = self._at[number]
        start = self._ends[bisect_right(self._ends, at) - 1]
        pending = bytes(self._stream[start:at]) + self._rest.pop(number, b"") + data
        position = 0
        while (found := place(pending, position)) is not None:
            if found.opcode == TEXT:
                start = self._match(start, pending[position : found.end])
            else:
                self._lines[number].heed(found.opcode, pending[found.payload : found.end])
            position = found.end
        if position < len(pending):
            self._rest[number] = pending[position:]
        self._taken += start - at
        self._at[number] = start

    def _match(self, start: int, frame: bytes) -> int:
        end = start + len(frame)
        if start == len(self._stream):
            self._stream += frame
            self._ends.append(end)
        elif self._stream[start:end] != frame:
            raise Lost("a receiver had another event than the others, or in another order")
        return end
