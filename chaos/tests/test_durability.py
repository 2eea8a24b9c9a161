"""The durability checker against histories whose verdict is known."""

import pytest

from bodhisattva.chaos.checkers.durability import check
from bodhisattva.chaos.history import Operation
from bodhisattva.chaos.tests.histories import command, history, log
from bodhisattva.chaos.verdict import Verdict


def answered(id: str, attempts: int = 1) -> list[Operation]:  # noqa: A002
    return [command("invoke", id), command("ok", id, attempts)]


def test_every_answered_command_logged_once_is_valid() -> None:
    judgement = check(history(*answered("a"), *answered("b", attempts=3), log("a", "b")))
    assert judgement.verdict is Verdict.VALID
    assert judgement.details["retried"] == 1


@pytest.mark.parametrize("logged", [["a"], ["a", "b"]])
def test_an_indeterminate_command_may_be_there_or_not(logged: list[str]) -> None:
    judgement = check(history(*answered("a"), command("invoke", "b"), command("info", "b"), log(*logged)))
    assert judgement.verdict is Verdict.VALID
    assert judgement.details["indeterminate"] == 1


@pytest.mark.parametrize(
    ("kind", "operations", "ids"),
    [
        ("lost", [*answered("a"), *answered("b"), log("a")], ["b"]),
        ("doubled", [*answered("a", attempts=2), log("a", "a")], ["a"]),
        (
            "doubled",
            [*answered("a"), command("invoke", "b"), command("info", "b"), log("a", "b", "b")],
            ["b"],
        ),
        (
            "refused but executed",
            [*answered("a"), command("invoke", "b"), command("fail", "b"), log("a", "b")],
            ["b"],
        ),
        (
            "torn",
            [*answered("a"), command("invoke", "b", events=("b1", "b2")), log("a", "b1")],
            ["b"],
        ),
        ("never asked for", [*answered("e/1"), log("e/1", "e/2")], ["e/2"]),
    ],
)
def test_each_wrong_is_found_and_named(kind: str, operations: list[Operation], ids: list[str]) -> None:
    judgement = check(history(*operations))
    assert judgement.verdict is Verdict.INVALID
    assert judgement.details["findings"] == {kind: {"count": len(ids), "ids": ids}}


def test_an_answered_command_is_lost_if_one_of_its_events_is() -> None:
    both = ("b1", "b2")
    judgement = check(history(command("invoke", "b", events=both), command("ok", "b", events=both), log("b1")))
    assert judgement.details["findings"] == {"lost": {"count": 1, "ids": ["b"]}}


def test_events_of_other_kinds_are_nobody_s_business() -> None:
    assert check(history(*answered("e/1"), log("other/9", "e/1"))).verdict is Verdict.VALID


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [log("a")],
        [command("invoke", "a"), command("info", "a"), log()],
        [*answered("a")],
    ],
    ids=["nothing", "no command", "none answered", "log not read back"],
)
def test_nothing_to_compare_is_unknown(operations: list[Operation]) -> None:
    assert check(history(*operations)).verdict is Verdict.UNKNOWN
