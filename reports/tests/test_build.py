"""`bodhisattva report`: which files it leaves, its exit code, and that it never leaves an old success."""

import json
from pathlib import Path

import pytest

from bodhisattva.reports.build import build
from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.tests import experiments, runs


def test_a_run_becomes_its_reports(tmp_path: Path) -> None:
    summary = build(runs.write(tmp_path, runs.all_passed()))
    assert summary.exit_code == 0
    assert summary.lines[0].startswith("PASSED")
    assert {"conformance.json", "matrix.html", "badge.svg"} <= {file.name for file in tmp_path.iterdir()}


def test_the_same_run_gives_the_same_report(tmp_path: Path) -> None:
    names = ("conformance.json", "matrix.html", "badge.svg")
    runs.write(tmp_path, runs.all_passed())
    build(tmp_path)
    first = [(tmp_path / name).read_bytes() for name in names]
    build(tmp_path)
    assert [(tmp_path / name).read_bytes() for name in names] == first


def test_conformance_and_chaos_side_by_side(tmp_path: Path) -> None:
    runs.write(tmp_path / "conformance", runs.all_passed())
    experiments.write(tmp_path / "chaos" / "resets", verdict="invalid")
    summary = build(tmp_path)
    assert summary.exit_code == 1
    assert [line for line in summary.lines if not line.startswith(" ")] == [
        "PASSED: all 5 MUST checks that apply passed",
        "akosha, dhruva 1.2.3 on the process stack, log embedded (no engine answers)",
        f"report: {tmp_path / 'conformance' / 'matrix.html'}",
        "INVALID: 1 chaos experiment",
        f"report: {tmp_path / 'chaos' / 'chaos.html'}",
    ]


@pytest.mark.parametrize("broken", [b"{", b"[]", b'{"started": 1}', b"\xff"])
def test_a_plan_that_cannot_be_read_leaves_no_older_report(tmp_path: Path, broken: bytes) -> None:
    build(runs.write(tmp_path, runs.all_passed()))
    (tmp_path / "run.json").write_bytes(broken)
    with pytest.raises(ReportError, match=r"run\.json is not a run's plan") as caught:
        build(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "conformance.json").exists()
    assert not (tmp_path / "matrix.html").exists()


def test_results_without_a_plan_are_an_error(tmp_path: Path) -> None:
    (runs.write(tmp_path, runs.all_passed()) / "run.json").unlink()
    with pytest.raises(ReportError, match="no run to report on"):
        build(tmp_path)


def test_a_plan_without_results_is_empty(tmp_path: Path) -> None:
    (runs.write(tmp_path, runs.all_passed()) / "results.jsonl").unlink()
    assert build(tmp_path).exit_code == 3
    report = json.loads((tmp_path / "conformance.json").read_text())
    assert (report["verdict"], report["problems"]) == ("empty", ["results.jsonl is missing"])


@pytest.mark.parametrize("place", ["", "not there"])
def test_a_folder_without_results_is_an_error(tmp_path: Path, place: str) -> None:
    with pytest.raises(ReportError, match=r"nothing to report on|no such folder"):
        build(tmp_path / place)
