"""The checker of epochs against histories whose verdict is known."""

import pytest

from bodhisattva.chaos.checkers.epochs import check
from bodhisattva.chaos.history import Operation
from bodhisattva.chaos.tests.histories import delivered, history, log, not_caught_up, subscribed
from bodhisattva.chaos.verdict import Verdict

BEFORE = (subscribed(), delivered(1), delivered(2))
AFTER = (subscribed(offset=1, recovered=False, epoch="e2"), delivered(2, "another", epoch="e2"))


def test_a_loss_that_is_reported_is_valid() -> None:
    result = check(history(*BEFORE, *AFTER, log("event-1", "another", epoch="e2")))
    assert result.verdict is Verdict.VALID, result
    assert result.details["epochs"] == 2


@pytest.mark.parametrize(
    "operations",
    [
        [*BEFORE, *AFTER],
        [*BEFORE, *AFTER, not_caught_up(2, connected=False), log("event-1", "another", "3", epoch="e2")],
    ],
    ids=["log not read back", "not connected at the end"],
)
def test_what_was_not_seen_to_the_end_is_unknown(operations: list[Operation]) -> None:
    assert check(history(*operations)).verdict is Verdict.UNKNOWN


def test_a_log_that_lost_nothing_shows_nothing() -> None:
    assert check(history(*BEFORE, log("event-1", "event-2"))).verdict is Verdict.UNKNOWN
    assert check(history()).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("operations", "found"),
    [
        ([*BEFORE, log("event-1")], ["not in its log"]),
        (
            [*BEFORE, delivered(2, "another"), log("event-1", "another")],
            ["gap", "not in its log", "two events at one offset"],
        ),
        ([*BEFORE, delivered(4)], ["gap"]),
        ([*BEFORE, delivered(3, epoch="e2")], ["gap"]),
        ([*BEFORE, subscribed(offset=1, epoch="e2"), delivered(2, epoch="e2")], ["resumed across epochs"]),
        ([*BEFORE, subscribed("s2"), delivered(1, "another", "s2")], ["two events at one offset"]),
        ([*BEFORE, subscribed(offset=4), delivered(5)], ["gap"]),
        ([*BEFORE, subscribed(offset=1), delivered(2)], ["gap"]),
        ([*BEFORE, subscribed(offset=4, recovered=False), delivered(5)], ["not recovered within an epoch"]),
        (
            [*BEFORE, *AFTER, not_caught_up(2, connected=True), log("1", "another", "3", epoch="e2")],
            ["behind at the end"],
        ),
        ([*BEFORE, not_caught_up(2, connected=True), log("event-1", "another", epoch="e2")], ["behind at the end"]),
    ],
)
def test_a_loss_that_is_papered_over_is_invalid(operations: list[Operation], found: list[str]) -> None:
    result = check(history(*operations))
    assert result.verdict is Verdict.INVALID
    assert sorted(result.details["findings"]) == found
