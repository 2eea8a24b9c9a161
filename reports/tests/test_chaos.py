"""The chaos index and its Allure results; a verdict is believed only where the run was put to the test."""

import json
from pathlib import Path
from typing import Any

import pytest

from bodhisattva.reports.build import build
from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.tests import experiments


def allure_result(root: Path) -> dict[str, Any]:
    [file] = (root / "allure-results").glob("*-result.json")
    result: dict[str, Any] = json.loads(file.read_text())
    return result


@pytest.mark.parametrize(
    ("verdict", "code", "status"), [("valid", 0, "passed"), ("invalid", 1, "failed"), ("unknown", 3, "broken")]
)
def test_a_verdict_reaches_page_exit_code_and_allure(tmp_path: Path, verdict: str, code: int, status: str) -> None:
    experiments.write(tmp_path / "resets", verdict=verdict)
    summary = build(tmp_path)
    assert summary.exit_code == code
    assert f"  {verdict:<7}  resets, seed 7, process stack, log embedded" in summary.lines
    assert f"Chaos experiments: {verdict}" in (tmp_path / "chaos.html").read_text()
    assert allure_result(tmp_path)["status"] == status


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"checkers": []}, "no checker judged it"),
        ({"faults": []}, "no fault was injected"),
        ({"faults": [{"name": "down", "target": "akosha", "bit": False}]}, "down on akosha did not bite"),
        ({"faults": [{"name": "down", "bit": True, "healed": False}]}, "down was not healed"),
        ({"problems": ["read: did not finish"]}, "read: did not finish"),
    ],
)
def test_a_doubtful_valid_is_unknown(tmp_path: Path, changes: dict[str, Any], doubt: str) -> None:
    experiments.write(tmp_path / "resets", **changes)
    assert build(tmp_path).exit_code == 3
    assert f"<li>{doubt}</li>" in (tmp_path / "chaos.html").read_text()
    assert doubt in allure_result(tmp_path)["statusDetails"]["message"]


def test_one_invalid_experiment_decides(tmp_path: Path) -> None:
    experiments.write(tmp_path / "a")
    experiments.write(tmp_path / "b", verdict="invalid")
    experiments.write(tmp_path / "c", verdict="unknown")
    assert build(tmp_path).exit_code == 1


def test_the_timeline_is_part_of_the_page(tmp_path: Path) -> None:
    experiments.write(tmp_path / "resets")
    build(tmp_path)
    assert (tmp_path / "resets" / "timeline.svg").exists()
    assert 'src="data:image/svg+xml;base64,' in (tmp_path / "chaos.html").read_text()


def test_an_experiment_without_history_is_still_reported(tmp_path: Path) -> None:
    (experiments.write(tmp_path / "resets") / "history.jsonl").unlink()
    assert build(tmp_path).exit_code == 0
    assert "No history was kept" in (tmp_path / "chaos.html").read_text()


def test_allure_shows_faults_checkers_and_evidence(tmp_path: Path) -> None:
    experiments.write(tmp_path / "resets")
    build(tmp_path)
    build(tmp_path)
    result = allure_result(tmp_path)
    assert [step["name"] for step in result["steps"]] == ["fault down on akosha/edge", "checker delivery"]
    assert {"name": "epic", "value": "chaos"} in result["labels"]
    attachments = {attachment["name"]: attachment["source"] for attachment in result["attachments"]}
    assert set(attachments) == {"timeline.svg", "verdict.json", "history.jsonl"}
    assert all((tmp_path / "allure-results" / source).exists() for source in attachments.values())
    assert result["stop"] - result["start"] == 2000


def test_a_damaged_verdict_is_an_error(tmp_path: Path) -> None:
    (experiments.write(tmp_path / "resets") / "verdict.json").write_text('{"verdict": "valid"}')
    with pytest.raises(ReportError, match="is not a verdict"):
        build(tmp_path)
