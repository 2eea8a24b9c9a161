"""The gate of a build: only the whole suite with each kind of log, judged once and passed, lets it by."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bodhisattva.reports.command import gate
from bodhisattva.reports.parts import LOGS
from bodhisattva.reports.tests import runs

CATEGORIES = ("auth", "tls", "cross_service")


def part(folder: Path, category: str, log: str, **changes: Any) -> Path:
    """What the job of a category leaves: its results, and the others as not run."""
    own = {entry["id"] for entry in runs.CATALOGUE if entry["category"] == category}
    lines = [
        line if line["clause"] in own else line | {"outcome": "unknown", "reason": "not run"}
        for line in runs.all_passed()
    ]
    stack = {"kind": "docker", "log": log}
    query = {"selected": True, "command": f"python -m pytest suites/{category}", "stack": stack}
    return runs.write(folder / f"run-{category}-{log}", lines, **(query | changes))


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """All parts of a build, and what another job left that is no run of the suite."""
    for category in CATEGORIES:
        for log in LOGS:
            part(tmp_path, category, log)
    (tmp_path / "run-chaos-docker").mkdir()
    return tmp_path


def gated(build: Path) -> Result:
    return CliRunner().invoke(gate, [str(build / "gate"), *map(str, sorted(build.glob("run-*")))])


def test_a_whole_that_passed_passes(build: Path) -> None:
    result = gated(build)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.output.count("PASSED: all 5 MUST checks that apply passed") == len(LOGS)
    assert all((build / "gate" / log / "matrix.html").exists() for log in LOGS)


def without_an_artifact(build: Path) -> None:
    shutil.rmtree(build / "run-tls-redis")


def without_a_run(build: Path) -> None:
    (build / "run-tls-redis" / "run.json").unlink()


def without_a_log(build: Path) -> None:
    for category in CATEGORIES:
        shutil.rmtree(build / f"run-{category}-redis")


def of_another_version(build: Path) -> None:
    part(build, "tls", "redis", version="9")


def of_another_fleet(build: Path) -> None:
    part(build, "tls", "redis", implementation={"akosha": "another", "dhruva": "dhruva"})


def there_twice(build: Path) -> None:
    shutil.copytree(build / "run-auth-redis", build / "run-tls-redis-2")


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (without_an_artifact, "log redis: no part judged tls"),
        (without_a_run, "log redis: no part judged tls"),
        (without_a_log, "log redis: no part is there"),
        (of_another_version, "are not parts of one run: version differ; run both again"),
        (of_another_fleet, "are not parts of one run: implementation differ; run both again"),
        (there_twice, "both judged AUTH-001 on akosha; give each part once"),
    ],
)
def test_parts_that_are_no_whole_are_refused_in_one_line(build: Path, spoil: Callable[[Path], None], line: str) -> None:
    spoil(build)
    result = gated(build)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert result.stderr.startswith("bodhisattva: log redis: ")
    assert line in result.stderr
    assert "PASSED" in result.stdout, "the other kind of log is merged all the same"


@pytest.mark.parametrize(
    ("outcome", "changes", "code", "verdict"),
    [
        ("failed", {"exit": 1}, 1, "FAILED: 1 MUST check failed"),
        ("unknown", {}, 3, "PARTIAL: 1 MUST check not judged"),
        ("passed", {"finished": None, "exit": None}, 3, "PARTIAL: the run did not end"),
        ("passed", {"command": "python -m pytest suites/tls -k port"}, 3, "PARTIAL: only a selected part"),
    ],
)
def test_a_whole_that_did_not_pass_does_not_either(
    build: Path, outcome: str, changes: dict[str, Any], code: int, verdict: str
) -> None:
    results = part(build, "tls", "redis", **changes) / "results.jsonl"
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    for line in lines:
        if (line["clause"], line["service"]) == ("TLS-001", "akosha"):
            line["outcome"] = outcome
    results.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = gated(build)
    assert result.exit_code == code
    assert verdict in result.stdout
