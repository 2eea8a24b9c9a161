"""The scorecard of the published originals: what counts as judged, and that each failure leads to its evidence."""

import json
from pathlib import Path

import pytest

from bodhisattva.reports import originals
from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.tests.runs import all_passed, with_outcome, write

STARTED = {"package": "akosha", "version": "0.11.0", "why": ""}


def laid(folder: Path, results: list[dict[str, object]], **published: dict[str, str]) -> Path:
    """A run with its originals: akosha and dhruva, unless given otherwise."""
    write(folder, results)
    given = {"akosha": STARTED, "dhruva": {"package": "dhara", "version": "0.16.0", "why": ""}, **published}
    (folder / originals.ORIGINALS_FILE).write_text(json.dumps(given))
    return folder


def test_every_original_that_was_judged_ends_with_0_whatever_came_of_it(tmp_path: Path) -> None:
    laid(tmp_path, with_outcome("AUTH-001", "akosha", "failed", "no answer"))
    assert originals.verdict(tmp_path) == 0


def test_an_original_that_did_not_start_is_unknown_and_makes_the_scorecard_partial(tmp_path: Path) -> None:
    laid(tmp_path, all_passed(), dhruva={"package": "dhara", "version": "0.16.0", "why": "it ended with exit code 1"})
    counts = originals.read(tmp_path).counts("dhruva")
    assert (counts["unknown"], counts["passed"]) == (2, 0), "even where the run has a result for that name"
    assert originals.verdict(tmp_path) == 3
    assert any("unknown, it ended with exit code 1" in line for line in originals.lines(tmp_path))


def test_an_original_without_any_result_is_not_judged(tmp_path: Path) -> None:
    laid(tmp_path, [line for line in all_passed() if line["service"] != "dhruva"])
    assert originals.verdict(tmp_path) == 3


def test_only_core_counts(tmp_path: Path) -> None:
    rows = originals.read(laid(tmp_path, all_passed())).rows
    assert [clause.id for clause, _ in rows] == ["AUTH-001", "AUTH-002"]


def test_a_failed_mark_leads_to_its_wire_log(tmp_path: Path) -> None:
    laid(tmp_path, with_outcome("AUTH-001", "akosha", "failed", "no answer came"))
    results = tmp_path / "allure-results"
    results.mkdir()
    (results / "a-attachment.txt").write_text(">> ping\n-- closed 1011")
    (results / "a-result.json").write_text(
        json.dumps(
            {
                "status": "failed",
                "statusDetails": {"message": "TimedOut: no answer"},
                "labels": [
                    {"name": "story", "value": "AUTH-001 Sentence."},
                    {"name": "service", "value": "akosha"},
                ],
                "attachments": [{"name": "wire 1: akosha", "source": "a-attachment.txt"}],
            }
        )
    )
    page = originals.build(tmp_path).read_text()
    assert 'href="evidence/akosha/AUTH-001.txt"' in page
    evidence = (tmp_path / "evidence" / "akosha" / "AUTH-001.txt").read_text()
    assert "no answer came" in evidence
    assert "-- closed 1011" in evidence


def test_the_terminal_names_each_clause_that_is_broken_and_no_other(tmp_path: Path) -> None:
    printed = "\n".join(originals.lines(laid(tmp_path, with_outcome("AUTH-001", "akosha", "failed"))))
    assert "AUTH-001        ✗ ✓  Sentence of AUTH-001." in printed
    assert "AUTH-002" not in printed


def test_evidence_of_an_earlier_run_is_removed(tmp_path: Path) -> None:
    originals.build(laid(tmp_path, with_outcome("AUTH-001", "akosha", "failed")))
    originals.build(laid(tmp_path, all_passed()))
    assert not list(tmp_path.glob("evidence/*/*"))


def test_a_run_without_originals_is_refused(tmp_path: Path) -> None:
    write(tmp_path, all_passed())
    with pytest.raises(ReportError, match="nox -s originals"):
        originals.read(tmp_path)
