"""The delivery checker against histories whose verdict is known."""

import pytest

from bodhisattva.chaos.checkers.delivery import check
from bodhisattva.chaos.history import Operation
from bodhisattva.chaos.tests.histories import delivered, history, log, not_caught_up, numbered_log, subscribed
from bodhisattva.chaos.verdict import Verdict

STREAM = "s1 on mahavishnu workflow:w1"


def test_every_event_once_and_in_order_is_valid() -> None:
    result = check(history(subscribed(), delivered(1), delivered(2), numbered_log(2)))
    assert result.verdict is Verdict.VALID
    assert result.details["delivered"] == 2


def test_it_counts_how_often_subscribers_came_back() -> None:
    result = check(
        history(subscribed(), delivered(1), subscribed(offset=1), delivered(2), subscribed(offset=2), numbered_log(2))
    )
    assert result.verdict is Verdict.VALID
    assert result.details["resumed"] == 2


def test_what_came_before_the_subscription_is_not_owed() -> None:
    result = check(history(subscribed(offset=2), delivered(3), numbered_log(3)))
    assert result.verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("kind", "deliveries", "offsets"),
    [
        ("lost", [delivered(1), delivered(3)], [2]),
        ("lost", [delivered(1), delivered(2)], [3]),
        ("duplicated", [delivered(1), delivered(2), delivered(2), delivered(3)], [2]),
        ("duplicated", [delivered(1), delivered(2, "event-1"), delivered(3)], [1, 2]),
        ("duplicated", [delivered(1), delivered(2), delivered(2, "event-2 once more"), delivered(3)], [2]),
        ("reordered", [delivered(1), delivered(3), delivered(2)], [2]),
        ("unexpected", [delivered(1), delivered(2), delivered(3), delivered(4)], [4]),
        ("unexpected", [delivered(1), delivered(2, "something else"), delivered(3)], [2]),
        ("unexpected", [delivered(1), delivered(2, epoch="e0"), delivered(3)], [2]),
    ],
)
def test_each_wrong_is_found_and_named(kind: str, deliveries: list[Operation], offsets: list[int]) -> None:
    result = check(history(subscribed(), *deliveries, numbered_log(3)))
    assert result.verdict is Verdict.INVALID
    assert result.details["findings"][STREAM][kind] == {"count": len(offsets), "offsets": offsets}


def test_one_bad_subscriber_among_good_ones_is_enough() -> None:
    result = check(
        history(
            subscribed("s1"), subscribed("s2"), delivered(1, process="s1"), delivered(1, process="s2"),
            delivered(2, process="s2"), numbered_log(2),
        )
    )  # fmt: skip
    assert result.verdict is Verdict.INVALID
    assert list(result.details["findings"]) == [STREAM]


def test_a_connected_subscriber_that_never_reaches_the_end_has_lost_it() -> None:
    result = check(history(subscribed(), delivered(1), not_caught_up(1, connected=True), numbered_log(2)))
    assert result.verdict is Verdict.INVALID


def test_a_subscriber_that_never_got_back_in_is_unknown() -> None:
    result = check(history(subscribed(), delivered(1), not_caught_up(1, connected=False), numbered_log(2)))
    assert result.verdict is Verdict.UNKNOWN


def test_a_gap_before_the_connection_was_lost_is_not_excused() -> None:
    result = check(
        history(subscribed(), delivered(1), delivered(3), not_caught_up(3, connected=False), numbered_log(4))
    )
    assert result.verdict is Verdict.INVALID
    assert result.details["findings"][STREAM]["lost"]["offsets"] == [2]


def test_a_loss_that_the_server_announces_is_a_loss_while_its_log_holds_the_event() -> None:
    result = check(
        history(subscribed(), delivered(1), subscribed(offset=2, recovered=False), delivered(3), numbered_log(3))
    )
    assert result.verdict is Verdict.INVALID


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [numbered_log(2)],
        [subscribed(), log()],
        [subscribed(), delivered(1)],
    ],
    ids=["nothing", "no subscriber", "no event", "log not read back"],
)
def test_nothing_to_compare_is_unknown(operations: list[Operation]) -> None:
    assert check(history(*operations)).verdict is Verdict.UNKNOWN
