"""Each mutant is rejected by its clause, by no unrelated one, and the real server by none."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from bodhisattva.fixtures.run import Run
from bodhisattva.suites.catalogue.loader import load
from bodhisattva.suites.meta.mutant_run import launcher_of, marks_of, mutant_run
from bodhisattva.suites.meta.registry import Mutant, mutants
from bodhisattva.suites.meta.selection import SAMPLE, category, needs_own_instance, selection
from bodhisattva.suites.meta.table import Row
from bodhisattva.suites.meta.verdict import REJECTED, unrelated, verdict

MUTANTS = mutants()
CATALOGUE = load()
_LIMIT = pytest.mark.timeout(600)
RecordRow = Callable[[Row], None]


@pytest.mark.mutants
@_LIMIT
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_rejected_by_its_clause_alone(mutant: Mutant, run: Run, record_row: RecordRow) -> None:
    chosen, out = selection(mutant, CATALOGUE), run.out / mutant.name
    result = mutant_run(chosen, out, launcher_of(mutant, marks_of(out)))
    word, reason = verdict(mutant, result)
    others = sorted({each.clause for each in unrelated(mutant, result)})
    record_row(Row(mutant.name, mutant.wrong, mutant.clause, word, others, len(chosen.entries), result.seconds))
    assert word == REJECTED, f"{word}: {reason}"


@pytest.mark.mutants
@_LIMIT
@pytest.mark.parametrize("name", sorted({CATALOGUE.entries[mutant.clause].clause.category for mutant in MUTANTS}))
def test_real_server_is_rejected_by_none(name: str, run: Run, record_row: RecordRow) -> None:
    chosen = category(name, CATALOGUE, MUTANTS)
    result = mutant_run(chosen, run.out / f"real-{name}")
    failed = sorted({each.clause for each in result.not_passed})
    word = REJECTED if failed else "passed"
    record_row(Row(f"(real server: {name})", "nothing", None, word, failed, len(chosen.entries), result.seconds))
    assert not result.not_passed, "the real server was rejected:\n" + "\n".join(map(str, result.not_passed))


def test_every_mutant_can_be_put_in_place() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bodhisattva.suites.meta.inject_all"], stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_names_clauses_that_exist(mutant: Mutant) -> None:
    assert {mutant.clause, *mutant.also} <= CATALOGUE.entries.keys()
    assert mutant.clause not in mutant.also


def test_sample_is_quick() -> None:
    assert not [clause for clause in SAMPLE if needs_own_instance(str(CATALOGUE.entries[clause].test))]
