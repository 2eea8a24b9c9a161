"""What a bridge remembers of its source's events tells where a log that was replaced parts from the one it knew."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.bridges.marks import DENSE, common, extended, happened_by
from bodhisattva.servers.core.log.base import Mark, Position


def trail(upto: int, after: tuple[Mark, ...] = (), first: int = 1, log: str = "a") -> tuple[Mark, ...]:
    for offset in range(first, upto + 1):
        after = extended(after, Mark(offset, f"{log}{offset}"))
    return after


@given(st.integers(1, 1500))
def test_the_newest_events_have_a_mark_each_and_all_marks_are_few(upto: int) -> None:
    marks = trail(upto)
    offsets = [mark.offset for mark in marks]
    assert offsets[-DENSE:] == list(range(max(1, upto - DENSE + 1), upto + 1))
    assert offsets == sorted(set(offsets))
    assert len(offsets) <= DENSE + 16 * upto.bit_length()


@given(st.integers(1, 1500))
def test_no_place_is_far_from_a_mark(upto: int) -> None:
    marks = [0, *(mark.offset for mark in trail(upto))]
    gaps = [(later - earlier, upto - earlier) for earlier, later in pairwise(marks)]
    assert all(gap <= max(1, distance // 4) for gap, distance in gaps)


@given(st.integers(0, 700), st.integers(0, 700), st.integers(0, 700), st.integers(0, 300))
async def test_the_marks_that_both_logs_have_are_found(shared: int, known: int, grown: int, trimmed: int) -> None:
    """A log that goes on for `grown` events after the `shared` first ones of the `known`, and has lost the oldest."""
    marks = trail(shared + known)
    asked: list[int] = []

    async def has(mark: Mark) -> bool:
        asked.append(mark.offset)
        there = mark.offset <= shared + grown
        return there and (mark.offset <= min(trimmed, shared + grown) or mark.offset <= shared)

    found = await common(marks, has)
    floor = min(trimmed, shared + grown)
    assert found == tuple(mark for mark in marks if mark.offset <= max(shared, floor))
    assert len(asked) <= 1 + len(marks).bit_length()


def test_time_decides_only_where_it_can_be_read() -> None:
    early, late = "2026-01-01T00:00:00+00:00", "2026-01-01T01:00:00.5+01:00"
    assert happened_by(early, late)
    assert not happened_by(late, early)
    assert happened_by(early, early)
    assert not happened_by("yesterday", late)
    assert not happened_by(early, "")
    assert not happened_by("2026-01-01T00:00:00", late)


def place(offset: int, log: str = "a", shared: int = 0) -> Position:
    """In a log of always the same epoch, of which so many first events are those of log `a`."""
    marks = trail(offset, trail(shared), shared + 1, log) if offset > shared else trail(offset)
    return Position("source", "E", offset, marks=marks)


def test_a_position_follows_where_it_was_read_on_from_and_nowhere_else() -> None:
    old, new = place(10), place(9, "b", shared=8)
    assert place(1).follows(None, None)
    assert not place(11).follows(None, basis=old), "all is lost"
    assert place(11).follows(old, basis=old)
    assert not place(11).follows(place(9), basis=old), "the end is lost"
    assert new.follows(old, basis=old)
    assert not new.follows(place(10, "b", shared=8), basis=old), "another log has come as far"


def test_a_position_covers_the_events_of_its_own_log_up_to_there() -> None:
    there = place(300, "b", shared=200)
    for offset in (1, 100, 200, 299, 300):
        assert there.covers(place(offset, "b", shared=200))
    assert not there.covers(place(301, "b", shared=200))
    assert not there.covers(place(299)), "another log's"
    assert not there.covers(Position("source", "F", 1))
