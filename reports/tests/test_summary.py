"""The summary at the end of a run: short, and the verdict first."""

from pathlib import Path
from typing import Any

from bodhisattva.reports import conformance, run
from bodhisattva.reports.badge import badge
from bodhisattva.reports.summary import summary
from bodhisattva.reports.tests import runs


def lines(folder: Path, results: list[dict[str, Any]], **changes: Any) -> list[str]:
    report = conformance.judge(run.read(runs.write(folder, results, **changes)))
    return summary(report, Path("out/matrix.html"))


def test_a_success(tmp_path: Path) -> None:
    assert lines(tmp_path, runs.all_passed()) == [
        "PASSED: all 5 MUST checks that apply passed",
        "akosha, dhruva 1.2.3 on the process stack, log embedded (no engine answers)",
        "  akosha  3 passed",
        "  dhruva  3 passed",
        "  fleet   1 passed",
        "report: out/matrix.html",
    ]


def test_failures_come_with_their_sentence(tmp_path: Path) -> None:
    text = lines(tmp_path, runs.with_outcome("AUTH-001", "dhruva", "failed"), exit=1)
    assert text[0] == "FAILED: 1 MUST check failed"
    assert "1. AUTH-001 on dhruva: Sentence of AUTH-001. - bodhisattva explain AUTH-001" in text


def test_problems_are_named(tmp_path: Path) -> None:
    text = lines(tmp_path, runs.all_passed(), finished=None)
    assert text[0] == "PARTIAL: the run did not end"


def test_it_stays_short_however_much_failed(tmp_path: Path) -> None:
    services = [f"service-{number}" for number in range(7)]
    catalogue = [runs.clause(f"AUTH-{number:03}") for number in range(50)]
    results = [runs.result(entry["id"], name, "failed") for entry in catalogue for name in services]
    text = lines(tmp_path, results, services=services, catalogue=catalogue, exit=1)
    assert len(text) <= 20
    assert "and 47 more clauses in the report" in text


def test_the_badge_shows_verdict_and_count(tmp_path: Path) -> None:
    results = runs.with_outcome("TLS-001", "akosha", "unsupported")
    report = conformance.judge(run.read(runs.write(tmp_path, results)))
    assert "conformance: passed 6/6" in badge(report)
    assert "#1a7f37" in badge(report)
