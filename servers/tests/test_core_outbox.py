"""A connection's out-queue: order, one write per iteration of the loop, bounds by bytes and age (protocol 4)."""

import asyncio
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.delivery.outbox import Outbox
from bodhisattva.servers.core.delivery.write_batch import WriteBatch
from bodhisattva.servers.core.transport.lifecycle import CLOSING, OPEN, Lifecycle


class Pipe:
    """A transport whose peer reads only when `peer_reads` is called."""

    outbox: Outbox

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.unsent = 0

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        self.unsent += len(data)
        self.outbox.pause()

    def get_extra_info(self, _name: str) -> None:
        """It is no socket."""

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return False

    def peer_reads(self, count: int) -> None:
        self.unsent -= min(count, self.unsent)
        if not self.unsent:
            self.outbox.resume()


class Dead(Pipe):
    """A TLS transport of asyncio after its end: whatever is called raises."""

    def write(self, data: bytes) -> None:
        raise AttributeError("_write_appdata")

    def get_write_buffer_size(self) -> int:
        raise AttributeError("_get_write_buffer_size")

    def is_closing(self) -> bool:
        return True


class Line:
    """An outbox whose frames go into a pipe; it may hold 100 bytes unless the batch has another limit.

    overflows: how often more was due.
    """

    def __init__(self, pipe: Pipe | None = None, batch: WriteBatch | None = None) -> None:
        self.pipe = pipe or Pipe()
        self.overflows = 0
        self.lifecycle = Lifecycle()
        self.lifecycle.enter(OPEN)
        transport = cast("asyncio.Transport", self.pipe)
        self.outbox = Outbox(transport, self.lifecycle, batch or WriteBatch(lambda: 100), self._overflow)
        self.pipe.outbox = self.outbox

    def _overflow(self) -> None:
        self.overflows += 1

    def send(self, *frames: bytes) -> bool:
        """Whether the frames were written, all due at once."""
        before = len(self.pipe.writes)
        for frame in frames:
            self.outbox.push(frame)
        self.outbox.flush()
        return len(self.pipe.writes) > before


async def test_s4_what_is_due_in_one_iteration_of_the_loop_leaves_in_one_write() -> None:
    line = Line()
    for frame in (b"a", b"b", b"c"):
        line.outbox.push(frame)
    assert line.pipe.writes == []
    await asyncio.sleep(0)
    assert line.pipe.writes == [b"abc"]


async def test_receivers_that_are_due_the_same_share_the_bytes() -> None:
    batch = WriteBatch(lambda: 100)
    one, two, other = (Line(batch=batch) for _ in range(3))
    event, later = b"event", b"later"
    for line in (one, two, other):
        line.outbox.push(event)
    other.outbox.push(b"answer")
    for line in (one, two, other):
        line.outbox.push(later)
    await asyncio.sleep(0)
    assert [line.pipe.writes for line in (one, two, other)] == [[b"eventlater"], [b"eventlater"], [b"eventanswerlater"]]
    assert one.pipe.writes[0] is two.pipe.writes[0]


async def test_a_group_that_is_due_the_same_shares_the_bytes() -> None:
    batch = WriteBatch(lambda: 100)
    lines = [Line(batch=batch) for _ in range(3)]
    group = dict.fromkeys(line.outbox for line in lines)
    lines[2].outbox.push(b"[before]")
    batch.broadcast(group, b"[1]")
    batch.broadcast(group, b"[2]")
    lines[1].outbox.push(b"[between]")
    batch.broadcast(group, b"[3]")
    lines[0].outbox.flush()
    await asyncio.sleep(0)
    assert [b"".join(line.pipe.writes) for line in lines] == [b"[1][2][3]", b"[1][2][between][3]", b"[before][1][2][3]"]


async def test_s4_more_than_the_limit_in_one_batch_is_too_much_for_all_of_a_group() -> None:
    batch = WriteBatch(lambda: 100)
    lines = [Line(batch=batch) for _ in range(2)]
    for _ in range(2):
        batch.broadcast(dict.fromkeys(line.outbox for line in lines), b"x" * 60)
    await asyncio.sleep(0)
    assert [(line.pipe.writes, line.overflows) for line in lines] == [([], 1)] * 2


async def test_s4_more_bytes_than_allowed_are_refused() -> None:
    line = Line()
    assert not line.send(b"x" * 60, b"x" * 41)
    assert line.overflows == 1
    assert line.send(b"x" * 60, b"x" * 40)
    assert not line.send(b"x"), "what the kernel has not taken counts too"
    assert line.overflows == 2
    line.pipe.peer_reads(1)
    assert line.send(b"x")


async def test_a_batch_that_fails_is_not_the_last() -> None:
    bound: list[int] = []
    failures: list[object] = []
    loop = asyncio.get_running_loop()
    line = Line(batch=WriteBatch(lambda: bound[0]))
    loop.set_exception_handler(lambda _loop, context: failures.append(context["exception"]))
    line.outbox._batch.broadcast({line.outbox: None}, b"[1]")
    await asyncio.sleep(0)
    loop.set_exception_handler(None)
    bound.append(100)
    line.outbox.push(b"[2]")
    await asyncio.sleep(0)
    assert [type(failure) for failure in failures] == [IndexError]
    assert line.pipe.writes == [b"[1][2]"]


async def test_s4_a_changed_bound_holds_at_once() -> None:
    allowed = [100]
    line = Line(batch=WriteBatch(lambda: allowed[0]))
    assert line.send(b"x" * 50)
    allowed[0] = 60
    assert not line.send(b"x" * 50)


async def test_s4_one_frame_larger_than_the_bound_passes_when_nothing_waits() -> None:
    line = Line()
    assert line.send(b"x" * 1000)
    assert not line.send(b"x")


async def test_nothing_is_written_once_the_connection_is_closing() -> None:
    line = Line()
    line.outbox.push(b"a")
    line.lifecycle.enter(CLOSING)
    line.outbox.discard()
    line.outbox.push(b"b")
    await asyncio.sleep(0)
    assert (line.pipe.writes, line.outbox.size, line.overflows) == ([], 0, 0), "a closed queue is not a slow one"


async def test_a_transport_that_has_ended_is_not_used() -> None:
    line = Line(Dead())
    assert not line.send(b"a")
    assert (line.outbox.size, line.outbox.age(1.0)) == (1, 0.0)


async def test_what_is_held_leaves_with_the_next_flush() -> None:
    line = Line()
    line.outbox.hold()
    line.outbox.push(b"a")
    line.outbox.push(b"b")
    await asyncio.sleep(0)
    assert line.pipe.writes == []
    line.outbox.flush()
    line.outbox.push(b"c")
    await asyncio.sleep(0)
    assert line.pipe.writes == [b"ab", b"c"]


ADA, BOB = ("cursor:a", "ada"), ("cursor:a", "bob")


async def test_s5_of_unsent_frames_with_one_key_only_the_newest_is_sent() -> None:
    line = Line()
    line.outbox.coalesce(ADA, b"[ada 1]")
    line.outbox.coalesce(BOB, b"[bob 1]")
    line.outbox.coalesce(ADA, b"[ada 2]")
    await asyncio.sleep(0)
    assert line.pipe.writes == [b"[bob 1][ada 2]"]


async def test_s5_a_peer_that_is_behind_gets_the_newest_when_it_has_read_and_all_that_is_not_coalesced() -> None:
    line = Line()
    assert line.send(b"[event 1]")
    for number in range(100):
        line.outbox.coalesce(ADA, b"[ada %d]" % number)
    assert line.send(b"[event 2]")
    line.pipe.peer_reads(100)
    await asyncio.sleep(0)
    assert line.pipe.writes == [b"[event 1]", b"[event 2]", b"[ada 99]"]


async def test_s4_what_is_kept_for_a_peer_that_is_behind_counts_too() -> None:
    line = Line()
    assert line.send(b"[event]")
    for number in range(50):
        line.outbox.coalesce(ADA, b"[ada %3d]" % number)
    assert line.overflows == 0, "one key keeps one frame"
    for number in range(10):
        line.outbox.coalesce((f"cursor:{number}", "bob"), b"[bob 1234]")
    assert line.overflows == 2, "7 sent, 9 and 10 times 10 kept, of 100"


async def test_s5_nothing_comes_of_a_channel_that_was_left_meanwhile() -> None:
    line = Line()
    assert line.send(b"[event]")
    line.outbox.coalesce(ADA, b"[ada]")
    line.outbox.coalesce(("cursor:b", "ada"), b"[other]")
    line.outbox.drop_coalesced("cursor:a")
    line.pipe.peer_reads(100)
    await asyncio.sleep(0)
    assert line.pipe.writes == [b"[event]", b"[other]"]


async def test_an_outbox_is_drained_once_the_peer_has_read_or_the_connection_closes() -> None:
    for end in ("read", "closed"):
        line = Line()
        await line.outbox.drained()
        assert line.send(b"a")
        waiting = [asyncio.ensure_future(line.outbox.drained()) for _ in range(2)]
        await asyncio.sleep(0)
        assert not any(each.done() for each in waiting)
        if end == "read":
            line.pipe.peer_reads(1)
        else:
            line.lifecycle.enter(CLOSING)
            line.outbox.discard()
        await asyncio.wait_for(asyncio.gather(*waiting), 1)
        await line.outbox.drained()


async def test_s4_age_is_that_of_the_oldest_unsent_byte() -> None:
    line = Line()
    outbox, pipe = line.outbox, line.pipe
    outbox.push(b"x" * 10)
    outbox.flush()
    assert outbox.age(100.0) == 0.0
    outbox.push(b"y" * 10)
    outbox.flush()
    assert outbox.age(103.0) == 3.0
    pipe.peer_reads(10)
    assert outbox.age(104.0) == 1.0, "the younger bytes were first seen waiting at 103"
    pipe.peer_reads(10)
    assert outbox.age(105.0) == 0.0


async def test_s4_a_slow_peer_that_keeps_reading_does_not_age() -> None:
    line = Line()
    outbox, pipe = line.outbox, line.pipe
    for second in range(100):
        outbox.push(b"x" * 10)
        outbox.flush()
        assert outbox.age(float(second)) <= 2.0
        pipe.peer_reads(10 if second else 0)
    assert len(outbox._marks or ()) <= 3


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=30), st.data())
async def test_frames_leave_in_the_order_in_which_they_came(frames: list[bytes], data: st.DataObject) -> None:
    line = Line(batch=WriteBatch(lambda: 10**6))
    outbox, pipe = line.outbox, line.pipe
    for frame in frames:
        outbox.push(frame)
        if data.draw(st.booleans()):
            outbox.flush()
    outbox.flush()
    assert b"".join(pipe.writes) == b"".join(frames)
    assert outbox.size == pipe.unsent
