"""`bodhisattva report` as its user meets it: lines, and an exit code that a build can trust."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bodhisattva.reports.command import merge, report
from bodhisattva.reports.tests import runs
from bodhisattva.suites.command import check


@pytest.mark.parametrize(("outcome", "code"), [("passed", 0), ("failed", 1), ("unknown", 3)])
def test_the_exit_code_is_the_verdict(tmp_path: Path, outcome: str, code: int) -> None:
    runs.write(tmp_path, runs.with_outcome("AUTH-001", "akosha", outcome), exit=code)
    result = CliRunner().invoke(report, [str(tmp_path)])
    assert result.exit_code == code
    assert f"report: {tmp_path / 'matrix.html'}" in result.output


def test_bad_input_is_one_line_and_two(tmp_path: Path) -> None:
    result = CliRunner().invoke(report, [str(tmp_path / "nowhere")])
    assert result.exit_code == 2
    assert result.stderr == (
        f"bodhisattva: no such folder: {tmp_path / 'nowhere'}; "
        "give the folder that a run wrote, such as out/conformance\n"
    )
    assert result.stdout == ""


def test_folder_that_cannot_be_written_is_one_line_and_two(tmp_path: Path) -> None:
    part = runs.write(tmp_path / "part", runs.all_passed())
    (tmp_path / "file").touch()
    result = CliRunner().invoke(merge, [str(tmp_path / "file"), str(part)])
    assert (result.exit_code, result.output) == (2, f"bodhisattva: {tmp_path / 'file'}: File exists\n")
    (part / "matrix.html").mkdir()
    result = CliRunner().invoke(report, [str(part)])
    assert (result.exit_code, result.output.count("\n")) == (2, 1), result.output


def test_check_that_was_called_wrongly_shows_nothing_of_an_earlier_run(tmp_path: Path) -> None:
    runs.write(tmp_path, runs.all_passed())
    result = CliRunner().invoke(check, ["target.yaml", "--out", str(tmp_path), "--bogus"])
    assert (result.exit_code, result.output) == (2, "")
