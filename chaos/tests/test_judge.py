"""How checkers, faults and unfinished phases become one verdict."""

from typing import Any

import pytest

from bodhisattva.chaos.history import NEMESIS, HistoryError, Operation
from bodhisattva.chaos.judge import judge
from bodhisattva.chaos.tests.histories import command, fault, history, log, phase, started
from bodhisattva.chaos.verdict import Verdict, combine

GOOD = [command("invoke", "a"), command("ok", "a"), log("a")]
BAD = [command("invoke", "a"), command("ok", "a"), log()]
BITES = [fault("inject"), fault("evidence", bit=True, measured={"exit_code": -9})]
HEALED = [fault("heal")]


@pytest.mark.parametrize(
    ("verdicts", "combined"),
    [
        ([], Verdict.UNKNOWN),
        ([Verdict.VALID], Verdict.VALID),
        ([Verdict.VALID, Verdict.UNKNOWN], Verdict.UNKNOWN),
        ([Verdict.UNKNOWN, Verdict.INVALID, Verdict.VALID], Verdict.INVALID),
    ],
)
def test_invalid_outweighs_unknown_and_unknown_valid(verdicts: list[Verdict], combined: Verdict) -> None:
    assert combine(verdicts) is combined


def test_a_good_run_under_a_fault_that_bit_is_valid() -> None:
    report = judge(history(started("durability", faults=("kill",)), *BITES, *GOOD, *HEALED))
    assert report.verdict is Verdict.VALID, report
    assert report.faults[0].bit
    assert report.faults[0].evidence == {"exit_code": -9}


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [fault("inject"), fault("evidence", bit=False, measured={}), fault("heal")],
        [fault("inject"), fault("evidence", bit=True, measured={})],
        [fault("trouble", error="Toxiproxy gave no answer"), fault("heal")],
    ],
    ids=["never injected", "did not bite", "not healed", "failed"],
)
def test_a_fault_that_was_not_shown_to_bite_and_heal_makes_the_run_unknown(faults: list[Operation]) -> None:
    report = judge(history(started("durability", faults=("kill",)), *faults, *GOOD))
    assert report.verdict is Verdict.UNKNOWN
    assert report.checkers[0].verdict is Verdict.VALID


@pytest.mark.parametrize(
    "operations",
    [
        [*GOOD, *BITES, *HEALED],
        [*BITES, *HEALED, *GOOD],
        [command("info", "b"), *GOOD, *BITES, *HEALED],
    ],
    ids=["after the work", "before it", "an end without a beginning"],
)
def test_a_fault_that_no_command_met_makes_the_run_unknown_and_is_named(operations: list[Operation]) -> None:
    report = judge(history(started("durability", faults=("kill",)), *operations))
    assert report.verdict is Verdict.UNKNOWN
    assert report.faults[0].counts
    assert report.problems[0].startswith("kill on mahavishnu hit no operation: none was under way from ")


@pytest.mark.parametrize(
    "operations",
    [
        [GOOD[0], *BITES, *HEALED, *GOOD[1:]],
        [*BITES, GOOD[0], *HEALED, *GOOD[1:]],
        [GOOD[0], *BITES, *GOOD[1:], *HEALED],
    ],
    ids=["all the while", "begun then", "answered then"],
)
def test_a_fault_that_met_a_command_on_its_way_counts(operations: list[Operation]) -> None:
    assert judge(history(started("durability", faults=("kill",)), *operations)).verdict is Verdict.VALID


def test_a_run_without_a_fault_is_unknown() -> None:
    report = judge(history(started("durability"), *GOOD))
    assert (report.verdict, report.problems) == (Verdict.UNKNOWN, ("no fault was scheduled",))


@pytest.mark.parametrize(
    "value", [None, {"phase": "inject"}, {"phase": "rest", "step": 0}, {"phase": "heal", "step": "0"}]
)
def test_what_a_nemesis_cannot_have_written_is_no_history(value: Any) -> None:
    line = Operation(0, NEMESIS, "info", "kill", value)
    with pytest.raises(HistoryError, match=r"the kill of nemesis at 0\.1 s"):
        judge(history(started("durability", faults=("kill",)), line, *GOOD))


def test_a_wrong_is_invalid_even_if_no_fault_bit() -> None:
    report = judge(history(started("durability", faults=("kill",)), *BAD))
    assert report.verdict is Verdict.INVALID


@pytest.mark.parametrize(
    "phases",
    [
        [phase("final reads", "began"), phase("final reads", "failed", "waited 20 s in vain")],
        [phase("final reads", "began")],
    ],
    ids=["failed", "cut short"],
)
def test_a_phase_that_did_not_finish_makes_the_run_unknown_and_is_named(phases: list[Operation]) -> None:
    report = judge(history(started("durability"), *GOOD, *phases))
    assert report.verdict is Verdict.UNKNOWN
    assert report.problems[0].startswith("final reads: ")


def test_a_finished_phase_is_no_problem() -> None:
    settled = (phase("final reads", "began"), phase("final reads", "ended"))
    report = judge(history(started("durability", faults=("kill",)), *BITES, *GOOD, *HEALED, *settled))
    assert report.verdict is Verdict.VALID


def test_a_run_without_checkers_is_unknown() -> None:
    assert judge(history(started(), *GOOD)).verdict is Verdict.UNKNOWN


def test_a_history_that_does_not_name_its_experiment_cannot_be_judged() -> None:
    with pytest.raises(HistoryError, match="has no 'start'"):
        judge(history(*GOOD))
