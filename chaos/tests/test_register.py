"""The register checker against histories whose verdict is known."""

import pytest
from msgspec.structs import replace

from bodhisattva.chaos.checkers import register
from bodhisattva.chaos.checkers.register import check
from bodhisattva.chaos.history import History, HistoryError, Operation
from bodhisattva.chaos.tests.histories import got, history, setting, won, written
from bodhisattva.chaos.verdict import CheckResult, Verdict

A, B, C = "a/1", "b/1", "c/1"
REFUSED_B = (setting("invoke", B, 0), setting("fail", B, 0))
REFUSED_C = (setting("invoke", C, 0), setting("fail", C, 0))
UNANSWERED_B = (setting("invoke", B, 0), setting("info", B, 0))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A race of one winner is enough here."""
    monkeypatch.setattr(register, "FEWEST", 1)


def judge(*operations: Operation | tuple[Operation, ...]) -> CheckResult:
    return check(history(*(o for each in operations for o in (each if isinstance(each, tuple) else (each,)))))


def kinds(result: CheckResult) -> list[str]:
    assert result.verdict is Verdict.INVALID
    return sorted({kind for findings in result.details["findings"].values() for kind in findings})


def test_a_winner_and_a_loser_are_valid() -> None:
    together = (setting("invoke", A, 0), setting("invoke", B, 0), setting("ok", A, 0, 1), setting("fail", B, 0))
    result = judge(together, got(1, A), won(C, 2), got(2, C), written(A, C))
    assert result.verdict is Verdict.VALID, result
    assert (result.details["won"], result.details["refused"], result.details["reads"]) == (2, 1, 2)


def test_an_attempt_without_an_answer_may_have_happened() -> None:
    unanswered = (setting("invoke", C, 1), setting("info", C, 1))
    assert judge(won(A, 1), unanswered, REFUSED_B, written(A, C)).verdict is Verdict.VALID
    assert judge(won(A, 1), unanswered, REFUSED_B, written(A)).verdict is Verdict.VALID
    assert judge(won(A, 1), unanswered, got(2, C), REFUSED_B, written(A, C)).verdict is Verdict.VALID


def test_a_look_that_overlaps_a_write_may_show_either() -> None:
    begin, end = got(0)
    during = (setting("invoke", A, 0), begin, setting("ok", A, 0, 1), end)
    assert judge(during, REFUSED_B, written(A)).verdict is Verdict.VALID
    begin, end = got(1, A)
    during = (setting("invoke", A, 0), begin, end, setting("ok", A, 0, 1))
    assert judge(during, REFUSED_B, written(A)).verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("operations", "found"),
    [
        ((won(A, 1), won(B, 1), written(A, B)), ["lost", "stale", "version made twice"]),
        ((setting("invoke", A, 0), setting("ok", A, 0, 2), written("x", A)), ["skipped", "unexpected"]),
        ((won(A, 1), REFUSED_B, written()), ["lost"]),
        ((won(A, 1), REFUSED_B, written(A, B)), ["refused but executed"]),
        ((won(A, 1), REFUSED_B, written(A, A)), ["duplicated"]),
        ((won(A, 1), REFUSED_B, got(1, "b/7"), written(A)), ["phantom read"]),
        ((got(1, A), won(A, 1), REFUSED_B, written(A)), ["phantom read", "stale"]),
        ((won(A, 1), REFUSED_B, won(C, 2), got(1, A), written(A, C)), ["stale"]),
        ((won(A, 1), REFUSED_B, got(0), written(A)), ["stale"]),
        ((REFUSED_B, won(A, 1), written(A)), ["refused without reason", "stale"]),
        ((won(A, 1), UNANSWERED_B, REFUSED_C, written(A, B)), ["wrong version"]),
        ((setting("invoke", A, 0), REFUSED_B, got(0), setting("ok", A, 0, 1), written(A)), ["stale"]),
    ],
)
def test_what_no_order_explains_is_invalid(
    operations: tuple[Operation | tuple[Operation, ...]], found: list[str]
) -> None:
    assert kinds(judge(*operations)) == found


def test_a_stale_look_after_an_unanswered_write_was_seen_is_invalid() -> None:
    unanswered = (setting("invoke", C, 1), setting("info", C, 1))
    result = judge(won(A, 1), REFUSED_B, unanswered, got(2, C), got(1, A), written(A, C))
    assert kinds(result) == ["stale"]


def test_a_path_that_was_not_read_is_unknown() -> None:
    assert judge(won(A, 1), REFUSED_B).verdict is Verdict.UNKNOWN


def test_who_won_unanswered_on_a_path_that_was_not_read_may_be_why_another_was_refused() -> None:
    assert judge(UNANSWERED_B, REFUSED_C).verdict is Verdict.UNKNOWN


def test_two_looks_that_end_at_one_moment_are_distinguished() -> None:
    begin_1, end_1 = got(0, process="l1")
    begin_2, end_2 = got(1, A, process="l2")
    operations = [
        begin_1,
        setting("invoke", A, 0),
        setting("ok", A, 0, 1),
        begin_2,
        end_2,
        end_1,
        *REFUSED_B,
        written(A),
    ]
    at = [0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.5, 0.6, 0.7]
    result = check(History.of(replace(o, time=time) for o, time in zip(operations, at, strict=True)))
    assert result.verdict is Verdict.VALID, result


def test_a_look_that_never_began_is_no_history() -> None:
    with pytest.raises(HistoryError, match="ended before it began"):
        judge(got(1, A)[1])


def test_no_race_is_unknown() -> None:
    assert judge(won(A, 1), written(A)).verdict is Verdict.UNKNOWN
    assert judge().verdict is Verdict.UNKNOWN
