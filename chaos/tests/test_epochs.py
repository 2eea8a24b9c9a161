"""The checker of epochs against histories whose verdict is known."""

import pytest

from bodhisattva.chaos.checkers.epochs import check
from bodhisattva.chaos.history import Operation
from bodhisattva.chaos.tests.histories import delivered, history, log, subscribed
from bodhisattva.chaos.verdict import Verdict

BEFORE = (subscribed(), delivered(1), delivered(2))
AFTER = (subscribed(offset=1, recovered=False, epoch="e2"), delivered(2, "another", epoch="e2"))


def test_a_loss_that_is_said_is_valid() -> None:
    judgement = check(history(*BEFORE, *AFTER, log("event-1", "another", epoch="e2")))
    assert judgement.verdict is Verdict.VALID, judgement
    assert judgement.details["epochs"] == 2


def test_a_log_that_lost_nothing_shows_nothing() -> None:
    assert check(history(*BEFORE, log("event-1", "event-2"))).verdict is Verdict.UNKNOWN
    assert check(history()).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("operations", "found"),
    [
        ([*BEFORE, log("event-1")], ["not in its log"]),
        (
            [*BEFORE, delivered(2, "another"), log("event-1", "another")],
            ["gap", "not in its log", "two events in one place"],
        ),
        ([*BEFORE, delivered(4)], ["gap"]),
        ([*BEFORE, delivered(3, epoch="e2")], ["gap"]),
        ([*BEFORE, subscribed(offset=1, epoch="e2"), delivered(2, epoch="e2")], ["resumed across epochs"]),
        ([*BEFORE, subscribed("s2"), delivered(1, "another", "s2")], ["two events in one place"]),
    ],
)
def test_a_loss_that_is_papered_over_is_invalid(operations: list[Operation], found: list[str]) -> None:
    judgement = check(history(*operations))
    assert judgement.verdict is Verdict.INVALID
    assert sorted(judgement.details["findings"]) == found
