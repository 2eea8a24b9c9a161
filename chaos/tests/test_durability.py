"""The durability checker against histories whose verdict is known."""

import pytest
from msgspec.structs import replace

from bodhisattva.chaos.checkers.durability import check
from bodhisattva.chaos.history import History, Operation
from bodhisattva.chaos.tests.histories import command, fault, history, log, phase, started
from bodhisattva.chaos.verdict import Verdict


def answered(id: str, attempts: int = 1) -> list[Operation]:  # noqa: A002
    return [command("invoke", id), command("ok", id, attempts)]


def test_every_answered_command_logged_once_is_valid() -> None:
    result = check(history(*answered("a"), *answered("b", attempts=3), log("a", "b")))
    assert result.verdict is Verdict.VALID
    assert result.details["retried"] == 1


@pytest.mark.parametrize("logged", [["a"], ["a", "b"]])
def test_an_indeterminate_command_may_be_there_or_not(logged: list[str]) -> None:
    result = check(history(*answered("a"), command("invoke", "b"), command("info", "b"), log(*logged)))
    assert result.verdict is Verdict.VALID
    assert result.details["indeterminate"] == 1


@pytest.mark.parametrize(
    ("kind", "operations", "ids"),
    [
        ("lost", [*answered("a"), *answered("b"), log("a")], ["b"]),
        ("duplicated", [*answered("a", attempts=2), log("a", "a")], ["a"]),
        (
            "duplicated",
            [*answered("a"), command("invoke", "b"), command("info", "b"), log("a", "b", "b")],
            ["b"],
        ),
        (
            "refused but executed",
            [*answered("a"), command("invoke", "b"), command("fail", "b"), log("a", "b")],
            ["b"],
        ),
        (
            "partial",
            [*answered("a"), command("invoke", "b", events=("b1", "b2")), log("a", "b1")],
            ["b"],
        ),
        ("unexpected", [*answered("e/1"), log("e/1", "e/2")], ["e/2"]),
    ],
)
def test_each_wrong_is_found_and_named(kind: str, operations: list[Operation], ids: list[str]) -> None:
    result = check(history(*operations))
    assert result.verdict is Verdict.INVALID
    assert result.details["findings"] == {kind: {"count": len(ids), "ids": ids}}


def test_what_was_given_after_an_answer_stands_after_what_was_answered() -> None:
    result = check(history(*answered("a"), *answered("b"), log("b", "a")))
    assert result.verdict is Verdict.INVALID
    assert result.details["findings"] == {"reordered": {"count": 1, "ids": ["b"]}}


def test_commands_that_overlap_may_stand_in_any_order() -> None:
    together = [command("invoke", "a"), command("invoke", "b"), command("ok", "a"), command("ok", "b")]
    assert check(history(*together, log("b", "a"))).verdict is Verdict.VALID
    unanswered = [command("invoke", "a"), command("info", "a")]
    assert check(history(*unanswered, *answered("b"), log("b", "a"))).verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("offsets", "end"),
    [((1, 3), 3), ((2, 3), 3), ((1, 1), 1), ((2, 1), 2), ((1, 2), 4)],
    ids=["gap", "no beginning", "two in one place", "falling", "no end"],
)
def test_a_log_that_is_not_numbered_by_one_from_one_is_invalid(offsets: tuple[int, int], end: int) -> None:
    read = log("a", "other/1")
    numbered = [{**event, "offset": offset} for event, offset in zip(read.value["events"], offsets, strict=True)]
    wrong = replace(read, value={**read.value, "events": numbered, "offset": end})
    result = check(history(*answered("a"), wrong))
    assert result.details["findings"] == {"misnumbered": {"count": 1, "ids": ["mahavishnu workflow:w1"]}}


@pytest.mark.parametrize(
    ("answered_at", "verdict"),
    [(6.4, Verdict.INVALID), (6.6, Verdict.VALID), (8.9, Verdict.VALID), (9.1, Verdict.INVALID)],
    ids=["before", "while it lost", "until it was back", "after"],
)
def test_only_what_was_answered_while_the_store_lost_its_end_may_be_lost(answered_at: float, verdict: Verdict) -> None:
    """The schedule's second after the phase open, which ended at 5.5 s, until the heal."""
    operations = [
        (0, started(faults=("lose-tail",))),
        (5.5, phase("open", "ended")),
        (5.6, command("invoke", "b")),
        (5.7, command("ok", "b")),
        (5.8, command("invoke", "a")),
        (answered_at, command("ok", "a")),
        (9, fault("heal", name="lose-tail")),
        (10, log("b")),
    ]
    result = check(History.of(sorted((replace(o, time=time) for time, o in operations), key=lambda line: line.time)))
    assert result.verdict is verdict, result


def test_an_answered_command_is_lost_if_one_of_its_events_is() -> None:
    both = ("b1", "b2")
    result = check(history(command("invoke", "b", events=both), command("ok", "b", events=both), log("b1")))
    assert result.details["findings"] == {"lost": {"count": 1, "ids": ["b"]}}


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
