"""Each mutant is rejected by its clause, by no unrelated one, and the real server by none."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from bodhisattva.fixtures.run import Run
from bodhisattva.suites.catalogue.loader import load
from bodhisattva.suites.meta.panel import SAMPLE, category, needs_own_instance, panel
from bodhisattva.suites.meta.registry import Mutant, mutants
from bodhisattva.suites.meta.table import Row
from bodhisattva.suites.meta.trial import trial

MUTANTS = mutants()
CATALOGUE = load()
_LIMIT = pytest.mark.timeout(600)
Tell = Callable[[Row], None]


@pytest.mark.mutants
@_LIMIT
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_rejected_by_its_clause_alone(mutant: Mutant, run: Run, tell: Tell) -> None:
    chosen = panel(mutant, CATALOGUE)
    held = trial(chosen, run.out / mutant.name, mutant)
    failed = [result for result in held.of(mutant.clause) if result.outcome == "failed"]
    expected = {mutant.clause, *mutant.also}
    unrelated = [result for result in held.not_passed if result.clause not in expected]
    names = sorted({result.clause for result in unrelated})
    tell(Row(mutant.name, mutant.wrong, mutant.clause, bool(failed), names, len(chosen.entries), held.seconds))
    assert failed, f"{mutant.clause} did not notice: {held.of(mutant.clause)}"
    assert any(mutant.failure in result.reason for result in failed), f"{mutant.clause} says something else: {failed}"
    assert not unrelated, "noticed by unrelated clauses:\n" + "\n".join(map(str, unrelated))
    unmoved = sorted(set(mutant.also) - {result.clause for result in held.not_passed})
    assert not unmoved, f"also names clauses that did not fail, or were not tried: {unmoved}"


@pytest.mark.mutants
@_LIMIT
@pytest.mark.parametrize("name", sorted({CATALOGUE.entries[mutant.clause].clause.category for mutant in MUTANTS}))
def test_real_server_is_rejected_by_none(name: str, run: Run, tell: Tell) -> None:
    chosen = category(name, CATALOGUE, MUTANTS)
    held = trial(chosen, run.out / f"real-{name}")
    names = sorted({result.clause for result in held.not_passed})
    tell(Row(f"(real server: {name})", "nothing", None, bool(names), names, len(chosen.entries), held.seconds))
    assert not held.not_passed, "the real server was rejected:\n" + "\n".join(map(str, held.not_passed))


def test_every_mutant_can_be_made() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "bodhisattva.suites.meta.rehearse"], stderr=subprocess.PIPE, text=True, check=False
    )
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_names_clauses_that_exist(mutant: Mutant) -> None:
    assert {mutant.clause, *mutant.also} <= CATALOGUE.entries.keys()
    assert mutant.clause not in mutant.also


def test_sample_is_quick() -> None:
    assert not [clause for clause in SAMPLE if needs_own_instance(str(CATALOGUE.entries[clause].test))]
