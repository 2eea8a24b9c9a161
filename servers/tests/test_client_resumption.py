"""What a resuming reader concludes from answers and offsets."""

import pytest

from bodhisattva.servers.client import GapDetected, Position, PositionLost
from bodhisattva.servers.client.resumption import Resumption


def at(offset: int, epoch: str = "e1") -> Position:
    return Position(epoch, offset)


def test_without_a_start_the_server_names_the_position() -> None:
    resumption = Resumption("c")
    assert resumption.resumed(at(7), recovered=False) is None
    assert resumption.position == at(7)


def test_recovery_keeps_the_position() -> None:
    resumption = Resumption("c", at(3))
    assert resumption.resumed(at(9), recovered=True) is None
    assert resumption.position == at(3)
    assert resumption.advance(at(4)) is None


@pytest.mark.parametrize(
    ("answered", "recovered"),
    [
        pytest.param(at(9), False, id="not recovered"),
        pytest.param(at(9, "e2"), True, id="another log"),
        pytest.param(at(2), True, id="a log that ends before what was seen"),
    ],
)
def test_a_lost_position_is_reported(answered: Position, recovered: bool) -> None:
    resumption = Resumption("c", at(3))
    lost = resumption.resumed(answered, recovered=recovered)
    assert isinstance(lost, PositionLost)
    assert (lost.channel, lost.before, lost.at) == ("c", at(3), answered)
    assert resumption.position == answered


def test_the_next_offset_is_accepted() -> None:
    resumption = Resumption("c", at(3))
    assert resumption.advance(at(4)) is None
    assert resumption.advance(at(5)) is None
    assert resumption.position == at(5)


def test_a_skipped_offset_is_a_gap() -> None:
    resumption = Resumption("c", at(3))
    gap = resumption.advance(at(6))
    assert isinstance(gap, GapDetected)
    assert (gap.before, gap.at) == (at(3), at(5))
    assert "e1:3" in str(gap)
    assert resumption.advance(at(7)) is None


def test_an_epoch_that_changes_between_events_is_a_lost_position() -> None:
    resumption = Resumption("c", at(3))
    lost = resumption.advance(at(4, "e2"))
    assert isinstance(lost, PositionLost)
    assert lost.at == at(3, "e2")


@pytest.mark.parametrize(
    ("position", "duplicate"),
    [(at(2), True), (at(3), True), (at(4), False), (at(3, "e2"), False)],
    ids=["older", "same", "next", "another log"],
)
def test_offsets_up_to_the_position_are_duplicates(position: Position, duplicate: bool) -> None:
    assert Resumption("c", at(3)).is_duplicate(position) is duplicate
