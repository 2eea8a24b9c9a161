"""A connection's out-queue: order, one write per loop turn, bounds by bytes and age (contract 4)."""

import asyncio
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.outbox import Outbox


class Pipe:
    """A transport whose peer reads only when told."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.unsent = 0

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        self.unsent += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return False

    def peer_reads(self, count: int) -> None:
        self.unsent -= min(count, self.unsent)


class Dead(Pipe):
    """A TLS transport of asyncio after its end: whatever it is asked raises."""

    def write(self, data: bytes) -> None:
        raise AttributeError("_write_appdata")

    def get_write_buffer_size(self) -> int:
        raise AttributeError("_get_write_buffer_size")

    def is_closing(self) -> bool:
        return True


def make() -> tuple[Outbox, Pipe]:
    pipe = Pipe()
    return Outbox(cast("asyncio.Transport", pipe)), pipe


async def test_s4_what_is_due_in_one_loop_turn_leaves_in_one_write() -> None:
    outbox, pipe = make()
    for frame in (b"a", b"b", b"c"):
        assert outbox.push(frame, 100)
    assert pipe.writes == []
    await asyncio.sleep(0)
    assert pipe.writes == [b"abc"]


async def test_s4_more_bytes_than_allowed_are_refused() -> None:
    outbox, pipe = make()
    assert outbox.push(b"x" * 60, 100)
    assert outbox.push(b"x" * 40, 100)
    assert not outbox.push(b"x", 100)
    outbox.flush()
    assert not outbox.push(b"x", 100), "what the kernel has not taken counts too"
    pipe.peer_reads(1)
    assert outbox.push(b"x", 100)


async def test_s4_one_frame_larger_than_the_bound_passes_when_nothing_waits() -> None:
    outbox, _ = make()
    assert outbox.push(b"x" * 1000, 100)
    assert not outbox.push(b"x", 100)


async def test_nothing_is_written_after_close() -> None:
    outbox, pipe = make()
    outbox.push(b"a", 100)
    outbox.close()
    assert outbox.push(b"b", 100), "a closed queue is not a slow one"
    await asyncio.sleep(0)
    assert (pipe.writes, outbox.size) == ([], 0)


async def test_a_transport_that_has_ended_is_not_asked() -> None:
    outbox = Outbox(cast("asyncio.Transport", Dead()))
    assert outbox.push(b"a", 100)
    outbox.flush()
    assert (outbox.size, outbox.age(1.0)) == (1, 0.0)


async def test_s4_age_is_that_of_the_oldest_unsent_byte() -> None:
    outbox, pipe = make()
    outbox.push(b"x" * 10, 100)
    outbox.flush()
    assert outbox.age(100.0) == 0.0
    outbox.push(b"y" * 10, 100)
    outbox.flush()
    assert outbox.age(103.0) == 3.0
    pipe.peer_reads(10)
    assert outbox.age(104.0) == 1.0, "the younger bytes were first seen waiting at 103"
    pipe.peer_reads(10)
    assert outbox.age(105.0) == 0.0


async def test_s4_a_slow_peer_that_keeps_reading_does_not_age() -> None:
    outbox, pipe = make()
    for second in range(100):
        outbox.push(b"x" * 10, 1000)
        outbox.flush()
        assert outbox.age(float(second)) <= 2.0
        pipe.peer_reads(10 if second else 0)
    assert len(outbox._marks) <= 3


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=30), st.data())
async def test_frames_leave_in_the_order_in_which_they_came(frames: list[bytes], data: st.DataObject) -> None:
    outbox, pipe = make()
    for frame in frames:
        assert outbox.push(frame, 10**6)
        if data.draw(st.booleans()):
            outbox.flush()
    outbox.flush()
    assert b"".join(pipe.writes) == b"".join(frames)
    assert outbox.size == pipe.unsent
