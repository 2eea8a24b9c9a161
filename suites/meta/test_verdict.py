"""What a mutant run shows: a mutant that was never reached differs from a clause that did not notice."""

import sys
from pathlib import Path

import pytest

from bodhisattva.suites.catalogue.loader import load
from bodhisattva.suites.meta import verdict as verdicts
from bodhisattva.suites.meta.marks import Marks
from bodhisattva.suites.meta.mutant_run import MutantRun, Result, marks_of, mutant_run
from bodhisattva.suites.meta.registry import Mutant
from bodhisattva.suites.meta.selection import Selection
from bodhisattva.suites.meta.verdict import verdict

MUTANT = Mutant("is_wrong", "area", "AUTH-001", "is wrong", "was not refused", also=("AUTH-003",))
LAUNCHER = """
import sys
import sys
from pathlib import Path

from bodhisattva.servers.cli import main
from bodhisattva.servers.core.auth.permissions import Permissions
from bodhisattva.suites.meta.inject import Inject
from bodhisattva.suites.meta.marks import Marks

check_query = Permissions.check_query

class Unused:
    def check_query(self): ...

Inject(Marks(Path(sys.argv.pop(1))))({owner}, "check_query", check_query)
main()
"""


def result(clause: str, outcome: str, reason: str = "") -> Result:
    return Result(clause, "akosha", outcome, reason)


OWN = result("AUTH-001", "failed", "the token was not refused")
ALSO = result("AUTH-003", "failed")
OTHER = result("AUTH-002", "passed")


@pytest.mark.parametrize(
    ("results", "word", "reason"),
    [
        ((OWN, ALSO, OTHER), verdicts.REJECTED, ""),
        ((result("AUTH-001", "passed"), OTHER), verdicts.NOT_NOTICED, "the broken code was called: AUTH-001"),
        ((result("AUTH-001", "unknown"), OTHER), verdicts.NOT_NOTICED, "AUTH-001 on akosha unknown"),
        ((result("AUTH-001", "failed", "timeout"), ALSO), verdicts.OTHERWISE, "'was not refused' is not in"),
        ((OWN, ALSO, result("AUTH-002", "failed")), verdicts.UNRELATED, "AUTH-002 on akosha failed"),
        ((OWN, result("AUTH-003", "passed")), verdicts.NOT_ALSO, "AUTH-003"),
    ],
)
def test_a_mutant_that_was_reached_is_judged_by_the_clauses(
    tmp_path: Path, results: tuple[Result, ...], word: str, reason: str
) -> None:
    marks = Marks(tmp_path)
    marks.injected("Verifier.check")()
    found = verdict(MUTANT, MutantRun(results, 1.0, marks))
    assert found[0] == word
    assert reason in found[1]


def test_a_mutant_of_which_one_place_was_not_reached_is_not_injected(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    marks.injected("Verifier.check")()
    marks.injected("Server.stop")
    found = verdict(MUTANT, MutantRun((OWN, ALSO, OTHER), 1.0, marks))
    assert found == (verdicts.NOT_INJECTED, "no server called the broken code at Server.stop")


def test_a_mutant_that_no_server_was_started_as_is_not_injected(tmp_path: Path) -> None:
    found = verdict(MUTANT, MutantRun((OWN, ALSO, OTHER), 1.0, Marks(tmp_path)))
    assert found == (verdicts.NOT_INJECTED, "no server was started as is_wrong")


@pytest.mark.parametrize(("owner", "word"), [("Unused", verdicts.NOT_INJECTED), ("Permissions", verdicts.NOT_NOTICED)])
def test_a_mutant_that_was_not_reached_differs_from_one_that_was_not_noticed(
    tmp_path: Path, owner: str, word: str
) -> None:
    """Both launchers start a right server. The one calls what was injected, and the other does not."""
    clause = load().entries["AUTH-030"]
    mutant = Mutant("is_right", "area", clause.clause.id, "is right after all", "was not refused")
    program = tmp_path / "launcher.py"
    program.write_text(LAUNCHER.format(owner=owner), encoding="utf-8")
    out = tmp_path / "out"
    launcher = f"{sys.executable} {program} {marks_of(out).folder}"
    found = verdict(mutant, mutant_run(Selection((clause,)), out, launcher))
    assert found[0] == word, found
