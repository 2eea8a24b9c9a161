"""The gate: its exit code is all that a build reads."""

from pathlib import Path
from typing import Any

import pytest

from bodhisattva.reports import conformance, gate, run
from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.report import encode
from bodhisattva.reports.tests import runs


def write_report(folder: Path, results: list[dict[str, Any]], **changes: Any) -> Path:
    """A folder with the report on a hand-written run."""
    report = conformance.judge(run.read(runs.write(folder, results, **changes)))
    (folder / "conformance.json").write_bytes(encode(report))
    return folder


@pytest.mark.parametrize(
    ("results", "changes", "code"),
    [
        (runs.all_passed(), {}, 0),
        (runs.with_outcome("AUTH-001", "akosha", "failed"), {"exit": 1}, 1),
        (runs.without("AUTH-001", "akosha"), {}, 3),
        (runs.all_passed(), {"selected": True}, 3),
        ([], {}, 3),
    ],
    ids=["passed", "failed", "missing", "selected", "empty"],
)
def test_only_passed_is_zero(tmp_path: Path, results: list[dict[str, Any]], changes: dict[str, Any], code: int) -> None:
    assert gate.gate(write_report(tmp_path, results, **changes)) == code


@pytest.mark.parametrize(
    ("old", "new"),
    [("", ""), ("conformance/1", "conformance/2"), ('"verdict": "passed"', '"verdict": "fine"'), ("{", "")],
    ids=["no report", "another version", "unknown verdict", "no JSON"],
)
def test_what_is_no_report_is_an_error(tmp_path: Path, old: str, new: str) -> None:
    file = write_report(tmp_path, runs.all_passed()) / "conformance.json"
    text = file.read_text()
    file.unlink()
    if old:
        assert old in text
        file.write_text(text.replace(old, new))
    with pytest.raises(ReportError, match=r"conformance\.json") as caught:
        gate.gate(tmp_path)
    assert "\n" not in str(caught.value)
