"""What `bodhisattva report` prints of real runs that went wrong: none of them is a success, whatever failed in them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bodhisattva.reports.command import report
from bodhisattva.suites.meta.mutant_run import launcher_of, run_suite
from bodhisattva.suites.meta.registry import mutant

ONE_CLAUSE = ("suites/auth/test_baseline.py", "-k", "expired_token", "--services", "akosha")


def verdict(out: Path) -> tuple[int, str]:
    """Exit code and first line."""
    result = CliRunner().invoke(report, [str(out)])
    return result.exit_code, result.output.partition("\n")[0]


def test_a_clause_that_passed_is_not_the_suite(tmp_path: Path) -> None:
    assert run_suite(tmp_path, *ONE_CLAUSE) == 0
    code, line = verdict(tmp_path)
    assert (code, line.split(":")[0]) == (3, "PARTIAL")


def test_a_clause_that_failed_fails_a_partial_run_too(tmp_path: Path) -> None:
    wrong = launcher_of(mutant("accepts_expired_tokens"))
    assert run_suite(tmp_path, *ONE_CLAUSE, "--launcher", wrong) == 1
    code, line = verdict(tmp_path)
    assert (code, line.split(";")[0]) == (1, "FAILED: 1 MUST check failed")


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("suites/auth", "-k", "no_such_test"), 5),
        ((*ONE_CLAUSE, "--launcher", "/bin/false"), 1),
        (("suites/auth", "--no-such-option"), 2),
    ],
    ids=["nothing selected", "server that does not start", "wrong usage"],
)
def test_a_run_that_judged_nothing_is_no_success(tmp_path: Path, arguments: tuple[str, ...], exit_code: int) -> None:
    assert run_suite(tmp_path, *arguments) == exit_code
    code, line = verdict(tmp_path)
    assert code in (2, 3), line
