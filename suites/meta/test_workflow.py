"""The workflow runs the whole suite as promised, and one job of it fails if a part is not there."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bodhisattva.fixtures.catalogue import APART
from bodhisattva.fixtures.stack.kinds import KINDS, LOGS
from bodhisattva.reports import parts
from bodhisattva.suites.catalogue.loader import load
from bodhisattva.suites.meta.mutant_run import CHECKOUT

FOLDER = Path(".github/workflows")
FILE = FOLDER / "conformance.yml"
BESIDE = {"gate", "report", "pages", "bench", "originals"}  # they judge nothing of the project's own, or on request


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHECKOUT / FILE).read_text(encoding="utf-8"))["jobs"]
    return found


def test_the_canary_runs_its_own_session_and_blocks_nothing() -> None:
    canary: dict[Any, Any] = yaml.safe_load((CHECKOUT / FOLDER / "canary.yml").read_text(encoding="utf-8"))
    assert set(canary[True]) == {"schedule", "workflow_dispatch"}, "no push and no pull request waits for it"
    (job,) = canary["jobs"].values()
    assert steps(job, "run", "nox -s canary")
    assert canary["permissions"] == {"contents": "read"}


def steps(job: dict[str, Any], key: str, having: str) -> list[dict[str, Any]]:
    return [step for step in job["steps"] if having in step.get(key, "")]


def test_every_folder_with_clauses_is_judged_with_each_kind_of_log(jobs: dict[str, Any]) -> None:
    matrix = jobs["conformance"]["strategy"]["matrix"]
    entries = [entry for entry in load().entries.values() if entry.test and entry.clause.category != APART]
    folders = {str(entry.test).split("/")[1] for entry in entries}
    assert sorted(matrix) == ["category", "log"], "nothing is excluded"
    assert sorted(matrix["category"]) == sorted(folders)
    assert folders == {entry.clause.category for entry in entries}, "the gate knows a part by its category"
    assert tuple(matrix["log"]) == LOGS == parts.LOGS
    (judging,) = steps(jobs["conformance"], "run", "nox -s conformance")
    assert "--stack docker --log ${{ matrix.log }} " in judging["run"]
    assert judging["run"].endswith(" suites/${{ matrix.category }}")


def test_chaos_is_run_on_each_kind_of_stack_that_is_made_here(jobs: dict[str, Any]) -> None:
    assert set(jobs["chaos"]["strategy"]["matrix"]["stack"]) == set(KINDS) - {"auto", "external"}


def test_each_part_is_kept_under_a_name_that_the_gate_takes(jobs: dict[str, Any]) -> None:
    (kept,) = steps(jobs["conformance"], "uses", "upload-artifact")
    assert kept["if"] == "always()"
    assert kept["with"] | {"path": ""} == {
        "name": "run-${{ matrix.category }}-${{ matrix.log }}",
        "path": "",
        "if-no-files-found": "error",
    }
    (taken,) = steps(jobs["gate"], "uses", "download-artifact")
    assert taken["with"] == {"pattern": "run-*", "path": "out"}


def test_the_gate_needs_every_job_that_judges_and_is_never_skipped(jobs: dict[str, Any]) -> None:
    gate = jobs["gate"]
    assert set(gate["needs"]) == set(jobs) - BESIDE
    assert gate["if"] == "${{ always() }}"
    (judging,) = steps(gate, "run", "nox -s gate")
    assert "if" not in judging
    assert "continue-on-error" not in judging
    (others,) = steps(gate, "run", "exit 1")
    for result in ("failure", "cancelled", "skipped"):
        assert f"contains(needs.*.result, '{result}')" in others["if"]
