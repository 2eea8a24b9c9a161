"""Many connections that receive the same events, and the cheapest proof that each had all of them, in order.

The bytes that the first connection receives are the reference. All others must receive the same bytes, so whether
the sequence is complete is checked on one copy.
"""

import select
from bisect import bisect_right
from collections.abc import Sequence

from bodhisattva.chaos.bench.connection import CHUNK, TIMEOUT, Connection, LoadError, locate_frame
from bodhisattva.fixtures.frames import Opcode


class Receivers:
    """Reads from these connections; nobody else may read from them meanwhile."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = {connection.socket.fileno(): connection for connection in connections}
        self._reference = bytearray()
        self._ends = [0]
        self._positions = dict.fromkeys(self._connections, 0)
        self._partial: dict[int, bytes] = {}
        self._total = 0
        self._poll = select.epoll()
        for number in self._connections:
            self._poll.register(number, select.EPOLLIN)

    def close(self) -> None:
        self._poll.close()

    def receive_until(self, count: int) -> None:
        """Wait until every receiver has had `count` events in all; LoadError names what is missing."""
        while not self._complete(count):
            ready = self._poll.poll(TIMEOUT)
            if not ready:
                behind = sum(position < len(self._reference) for position in self._positions.values())
                received = f"{self.events_received} of {count} events, {behind} of {len(self._positions)} behind"
                raise LoadError(f"no event within {TIMEOUT:g} s: {received}")
            for number, _ in ready:
                self._receive(number)

    @property
    def events_received(self) -> int:
        """By at least one receiver."""
        return len(self._ends) - 1

    @property
    def bytes_received(self) -> int:
        """By one receiver, frame heads included."""
        return len(self._reference)

    def events(self) -> list[bytes]:
        """The texts of all events, in the order in which all receivers had them."""
        found = [locate_frame(self._reference, start) for start in self._ends[:-1]]
        return [bytes(self._reference[each.payload : each.end]) for each in found if each]

    def _complete(self, count: int) -> bool:
        if self.events_received > count:
            raise LoadError(f"{self.events_received} events arrived where {count} were due")
        return self.events_received == count and self._total == len(self._reference) * len(self._connections)

    def _receive(self, number: int) -> None:
        data = self._connections[number].socket.recv(CHUNK)
        if not data:
            raise LoadError("the server ended a receiver's connection")
        position = self._positions[number]
        if number not in self._partial and self._reference[position : position + len(data)] == data:
            self._positions[number] = position + len(data)
            self._total += len(data)
        else:
            self._compare_frames(number, data)

    def _compare_frames(self, number: int, data: bytes) -> None:
        """Compare frame by frame, from the last frame boundary: events extend the reference or equal it."""
        position = self._positions[number]
        start = self._ends[bisect_right(self._ends, position) - 1]
        pending = bytes(self._reference[start:position]) + self._partial.pop(number, b"") + data
        read = 0
        while (found := locate_frame(pending, read)) is not None:
            if found.opcode == Opcode.TEXT:
                start = self._match(start, pending[read : found.end])
            else:
                self._connections[number].handle_control(found.opcode, pending[found.payload : found.end])
            read = found.end
        if read < len(pending):
            self._partial[number] = pending[read:]
        self._total += start - position
        self._positions[number] = start

    def _match(self, start: int, frame: bytes) -> int:
        end = start + len(frame)
        if start == len(self._reference):
            self._reference += frame
            self._ends.append(end)
        elif self._reference[start:end] != frame:
            raise LoadError("a receiver had another event than the others, or in another order")
        return end
