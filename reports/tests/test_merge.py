"""Parts of a suite that were judged apart: they add up to a whole, or the error has the reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bodhisattva.reports.command import merge
from bodhisattva.reports.tests import runs


def halves(folder: Path, **changes: Any) -> list[str]:
    """AUTH-001 in one part, the rest in another, each a run of its folder of the suite."""
    lines = runs.all_passed()
    auth = [line for line in lines if line["clause"] == "AUTH-001"]
    rest = [line for line in lines if line["clause"] != "AUTH-001"]
    unrun = [line | {"outcome": "unknown", "reason": "not run"} for line in rest]
    first = runs.write(folder / "auth", [*auth, *unrun], selected=True, command="python -m pytest suites/auth")
    second = runs.write(
        folder / "rest", rest, **({"selected": True, "command": "python -m pytest suites/tls"} | changes)
    )
    return [str(first), str(second)]


def merged(folder: Path, parts: list[str]) -> Result:
    return CliRunner().invoke(merge, [str(folder / "whole"), *parts])


def test_parts_add_up_to_the_whole(tmp_path: Path) -> None:
    result = merged(tmp_path, halves(tmp_path))
    assert result.output.startswith("PASSED: all 5 MUST checks that apply passed")
    assert result.exit_code == 0
    assert (tmp_path / "whole" / "matrix.html").exists()


def deployment_and_artefact(folder: Path, deployed: str, artefact: str) -> list[str]:
    """AUTH-001 on akosha with these outcomes; all else is unknown in the deployment, and passed by the artefact."""
    lines = runs.all_passed()
    mine = [line for line in lines if (line["clause"], line["service"]) == ("AUTH-001", "akosha")]
    rest = [line for line in lines if line not in mine]
    external = {"kind": "external", "reason": "target file", "log": "its own"}
    first = runs.write(
        folder / "check",
        [*(one | {"outcome": deployed} for one in mine), *(one | {"outcome": "unknown"} for one in rest)],
        stack=external,
    )
    second = runs.write(folder / "artefact", [*(one | {"outcome": artefact} for one in mine), *rest])
    return [str(second), str(first)]


@pytest.mark.parametrize(
    ("deployed", "artefact", "code"),
    [("passed", "passed", 0), ("unknown", "passed", 0), ("passed", "failed", 1), ("failed", "passed", 1)],
)
def test_a_deployment_and_its_artefact_are_one_verdict(tmp_path: Path, deployed: str, artefact: str, code: int) -> None:
    result = merged(tmp_path, deployment_and_artefact(tmp_path, deployed, artefact))
    assert result.exit_code == code, result.output
    assert "on the external stack" in result.output


def test_what_no_part_judged_is_missing(tmp_path: Path) -> None:
    result = merged(tmp_path, halves(tmp_path)[1:])
    assert result.output.startswith("PARTIAL: 2 MUST checks not judged")
    assert result.exit_code == 3


def test_what_no_part_came_to_is_unknown(tmp_path: Path) -> None:
    parts = halves(tmp_path)
    results = Path(parts[1]) / "results.jsonl"
    lines = results.read_text().splitlines(keepends=True)
    results.write_text("".join(line for line in lines if "TLS-001" not in line or "akosha" not in line))
    result = merged(tmp_path, parts)
    assert result.output.startswith("PARTIAL: 1 MUST check not judged")


def test_a_damaged_line_stays_a_problem(tmp_path: Path) -> None:
    parts = halves(tmp_path)
    results = Path(parts[1]) / "results.jsonl"
    results.write_text(results.read_text() + "{")
    result = merged(tmp_path, parts)
    assert result.output.startswith("PARTIAL: results.jsonl line")


@pytest.mark.parametrize("words", ["-k port", "--deselect=a", "suites/tls/test_a.py::test_b"])
def test_a_part_of_a_clause_is_no_whole(tmp_path: Path, words: str) -> None:
    result = merged(tmp_path, halves(tmp_path, command=f"python -m pytest {words}"))
    assert result.output.startswith("PARTIAL: only a selected part of the suite was run")


def test_a_part_that_did_not_end_is_no_whole(tmp_path: Path) -> None:
    result = merged(tmp_path, halves(tmp_path, finished=None, exit=None))
    assert result.output.startswith("PARTIAL: the run did not end")


def test_a_failure_of_one_part_fails_the_whole(tmp_path: Path) -> None:
    parts = halves(tmp_path)
    failed = json.dumps(runs.result("TLS-001", "akosha", "failed"))
    results = Path(parts[1]) / "results.jsonl"
    results.write_text(results.read_text() + failed)
    result = merged(tmp_path, parts)
    assert result.output.startswith("FAILED: 1 MUST check failed")
    assert result.exit_code == 1


@pytest.mark.parametrize("named", [{}, {"dhruva": "dhruva"}])
def test_a_part_that_names_fewer_services_belongs_to_it_all_the_same(tmp_path: Path, named: dict[str, str]) -> None:
    parts = halves(tmp_path, implementation=named, version="1.2.3" if named else "")
    for order in (parts, parts[::-1]):
        result = merged(tmp_path, order)
        assert result.output.startswith("PASSED")
        assert "akosha, dhruva 1.2.3 on the process stack" in result.output


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"version": "9"}, "version"),
        ({"implementation": {"dhruva": "another"}}, "implementation"),
        ({"services": ["akosha"]}, "services"),
        ({"stack": {"kind": "docker"}}, "stack"),
        ({"stack": {"kind": "process", "log": "redis"}}, "log"),
        ({"catalogue": runs.CATALOGUE[:1]}, "catalogue"),
    ],
)
def test_runs_of_different_things_are_refused(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    result = merged(tmp_path, halves(tmp_path, **changes))
    assert result.exit_code == 2
    assert result.stderr == (
        f"bodhisattva: {tmp_path / 'auth'} and {tmp_path / 'rest'} are not parts of one run: "
        f"{named} differ; run both again\n"
    )
    assert not (tmp_path / "whole").exists()


def test_a_part_is_never_overwritten(tmp_path: Path) -> None:
    parts = halves(tmp_path)
    before = Path(parts[0], "results.jsonl").read_bytes()
    result = CliRunner().invoke(merge, [parts[0], *parts])
    assert result.exit_code == 2
    assert "is one of the parts" in result.stderr
    assert Path(parts[0], "results.jsonl").read_bytes() == before


def test_parts_that_do_not_fit_leave_no_earlier_report(tmp_path: Path) -> None:
    parts = halves(tmp_path)
    assert merged(tmp_path, parts).exit_code == 0
    other = runs.write(tmp_path / "other", runs.all_passed(), version="9")
    assert merged(tmp_path, [*parts, str(other)]).exit_code == 2
    kept = {file.name for file in (tmp_path / "whole").iterdir()}
    assert kept == {"run.json", "results.jsonl"}
