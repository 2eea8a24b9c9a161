"""`bodhisattva explain`: one clause, and what a run found of it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bodhisattva.reports.build import build
from bodhisattva.reports.tests import runs
from bodhisattva.suites.catalogue.explain import explain, lines
from bodhisattva.suites.catalogue.loader import load
from bodhisattva.suites.meta.registry import mutants


def printed(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(explain, arguments)
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.parametrize("clause", ["AUTH-023", "auth-023"])
def test_clause_is_explained(clause: str) -> None:
    text = printed(clause)
    for words in (
        "AUTH-023 MUST",
        "A token that lives longer than the claimed maximum is refused, also without iat.",
        "section:   2, Connecting, tokens and permissions",
        "profiles:  core, secure, deployed",
        "Why it matters: A token that is good for a year",
        "  - Only `exp` is compared with the time of now",
        "It is known to reject a server that takes tokens however long they live.",
        "./ci/nox -s conformance -- suites/auth/test_tokens.py::test_token_of_too_long_a_life",
        "bodhisattva check target.yaml -k test_token_of_too_long_a_life",
    ):
        assert words in text


def test_every_clause_can_be_explained() -> None:
    made = mutants()
    for entry in load().entries.values():
        text = "\n".join(lines(entry, made))
        assert entry.clause.text in text
        assert "Usual causes of a failure:\n  - " in text


def test_what_a_run_found_comes_too(tmp_path: Path) -> None:
    wire = "wire 1: akosha\n   0.0010 << {}"
    results = runs.with_outcome("AUTH-001", "akosha", "failed", "An expired token was accepted.")
    results[0] |= {"seen": [wire], "raw": "assert 1 == 2"}
    runs.write(tmp_path, results, exit=1)
    build(tmp_path)
    text = printed("AUTH-001", "--out", str(tmp_path))
    for words in ("failed on akosha: An expired token was accepted.", "0.0010 << {}", "assert 1 == 2", "again: "):
        assert words in text
    assert "is not among what did not pass" in printed("AUTH-003", "--out", str(tmp_path))


def test_bad_input_is_one_line_and_2(tmp_path: Path) -> None:
    for arguments in (("AUTH-923",), ("nonsense",), ("AUTH-001", "--out", str(tmp_path))):
        assert "bodhisattva: " in printed(*arguments, code=2)
    assert "there is no clause AUTH-923, but AUTH-" in printed("AUTH-923", code=2)
