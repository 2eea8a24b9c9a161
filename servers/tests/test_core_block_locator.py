"""A block locator finds where a replaced log diverges from the one that a bridge has applied."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.bridges.block_locator import DENSE, BlockLocator, happened_by
from bodhisattva.servers.core.log.base import Mark, Position

EMPTY = BlockLocator()


def located(upto: int, after: BlockLocator = EMPTY, first: int = 1, log: str = "a") -> BlockLocator:
    for offset in range(first, upto + 1):
        after = after.extended(Mark(offset, f"{log}{offset}"))
    return after


@given(st.integers(1, 1500))
def test_each_of_the_newest_events_has_a_mark_and_the_marks_are_few(upto: int) -> None:
    offsets = [mark.offset for mark in located(upto).marks]
    assert offsets[-DENSE:] == list(range(max(1, upto - DENSE + 1), upto + 1))
    assert offsets == sorted(set(offsets))
    assert len(offsets) <= DENSE + 16 * upto.bit_length()


@given(st.integers(1, 1500))
def test_the_gap_between_marks_grows_with_their_age(upto: int) -> None:
    marks = [0, *(mark.offset for mark in located(upto).marks)]
    gaps = [(later - earlier, upto - earlier) for earlier, later in pairwise(marks)]
    assert all(gap <= max(1, distance // 4) for gap, distance in gaps)


@given(st.integers(0, 700), st.integers(0, 700), st.integers(0, 700), st.integers(0, 300))
async def test_the_marks_that_both_logs_hold_are_found(shared: int, known: int, grown: int, trimmed: int) -> None:
    """A log that goes on for `grown` events after the `shared` first ones of the `known`, and has lost the oldest."""
    locator = located(shared + known)
    queried: list[int] = []

    async def holds(mark: Mark) -> bool:
        queried.append(mark.offset)
        there = mark.offset <= shared + grown
        return there and (mark.offset <= min(trimmed, shared + grown) or mark.offset <= shared)

    found = await locator.common_with(holds)
    removed = min(trimmed, shared + grown)
    assert found.marks == tuple(mark for mark in locator.marks if mark.offset <= max(shared, removed))
    assert len(queried) <= 1 + len(locator.marks).bit_length()


def test_a_time_that_cannot_be_read_decides_nothing() -> None:
    early, late = "2026-01-01T00:00:00+00:00", "2026-01-01T01:00:00.5+01:00"
    assert happened_by(early, late)
    assert not happened_by(late, early)
    assert happened_by(early, early)
    assert not happened_by("yesterday", late)
    assert not happened_by(early, "")
    assert not happened_by("2026-01-01T00:00:00", late)


def position(offset: int, log: str = "a", shared: int = 0) -> Position:
    """In a log of always the same epoch, of which so many first events are those of log `a`."""
    locator = located(offset, located(shared), shared + 1, log) if offset > shared else located(offset)
    return Position("source", "E", offset, marks=locator.marks)


def test_a_position_follows_only_the_position_that_it_was_read_after() -> None:
    old, new = position(10), position(9, "b", shared=8)
    assert position(1).follows(None, None)
    assert not position(11).follows(None, basis=old), "all is lost"
    assert position(11).follows(old, basis=old)
    assert not position(11).follows(position(9), basis=old), "the end is lost"
    assert new.follows(old, basis=old)
    assert not new.follows(position(10, "b", shared=8), basis=old), "another log has come as far"


def test_a_position_covers_the_events_of_its_own_log_up_to_it() -> None:
    there = position(300, "b", shared=200)
    for offset in (1, 100, 200, 299, 300):
        assert there.covers(position(offset, "b", shared=200))
    assert not there.covers(position(301, "b", shared=200))
    assert not there.covers(position(299)), "another log's"
    assert not there.covers(Position("source", "F", 1))
