"""The availability summary: a ratio, and unknown with hardly any command."""

from bodhisattva.chaos.checkers.availability import FEWEST, check
from bodhisattva.chaos.tests.histories import command, history
from bodhisattva.chaos.verdict import Verdict


def test_it_shows_the_ratio() -> None:
    operations = [command("invoke", str(number)) for number in range(FEWEST)]
    answers = [command("ok", str(number)) for number in range(FEWEST - 5)]
    result = check(history(*operations, *answers))
    assert result.verdict is Verdict.VALID
    assert result.details == {"commands": 20, "answered": 15, "ratio": 0.75}


def test_few_commands_show_nothing() -> None:
    result = check(history(command("invoke", "a"), command("ok", "a")))
    assert result.verdict is Verdict.UNKNOWN


def test_commands_that_nobody_answered_show_nothing() -> None:
    result = check(history(*(command("invoke", str(number)) for number in range(FEWEST))))
    assert result.verdict is Verdict.UNKNOWN
    assert result.details["ratio"] == 0.0
