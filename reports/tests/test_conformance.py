"""The verdict on hand-written runs: only a whole run without a broken MUST reads as success."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bodhisattva.reports import conformance, run
from bodhisattva.reports.report import Report, encode
from bodhisattva.reports.tests import runs

SCHEMA = json.loads((files("bodhisattva.reports") / "schema" / "conformance-1.json").read_text())


def judged(folder: Path, results: list[dict[str, Any]], **changes: Any) -> Report:
    """The report on a hand-written run; it has to fit the schema, whatever the run was like."""
    report = conformance.judge(run.read(runs.write(folder, results, **changes)))
    jsonschema.validate(json.loads(encode(report)), SCHEMA)
    return report


def test_everything_passed(tmp_path: Path) -> None:
    report = judged(tmp_path, runs.all_passed())
    assert report.verdict == "passed"
    assert report.reason == "all 5 MUST checks that apply passed"
    assert report.services["akosha"] == {"passed": 3, "failed": 0, "unsupported": 0, "unknown": 0, "missing": 0}
    assert report.services["fleet"]["passed"] == 1
    assert report.profiles["core"]["akosha"].passed == ["AUTH-001", "AUTH-002"]
    assert report.profiles["secure"]["dhruva"].counts["passed"] == 1


def test_a_broken_must_fails_and_shows_how_to_see_it_again(tmp_path: Path) -> None:
    results = runs.with_outcome("AUTH-001", "dhruva", "failed", "the answer was a response")
    report = judged(tmp_path, results, exit=1)
    assert report.verdict == "failed"
    [failure] = report.failures
    assert (failure.clause, failure.service, failure.reason) == ("AUTH-001", "dhruva", "the answer was a response")
    assert failure.text == "Sentence of AUTH-001."
    assert failure.reproduce == (
        "python -m pytest --stack process --out out/again 'suites/auth/test_auth.py::test_AUTH-001[dhruva]'"
    )
    assert report.profiles["core"]["dhruva"].failed == ["AUTH-001"]


def test_a_service_with_its_log_in_redis_is_met_again_so(tmp_path: Path) -> None:
    stack = {"kind": "process", "log": "redis"}
    [failure] = judged(tmp_path, runs.with_outcome("AUTH-001", "dhruva", "failed"), exit=1, stack=stack).failures
    assert failure.reproduce.startswith("python -m pytest --stack process --log redis ")


def test_a_foreign_deployment_is_met_again_through_its_target_file(tmp_path: Path) -> None:
    stack = {"kind": "external", "reason": "requested", "details": {}}
    results = runs.with_outcome("AUTH-001", "dhruva", "failed")
    command = "pytest suites --stack external --target 'the fleet.yaml' -k AUTH"
    [failure] = judged(tmp_path, results, exit=1, stack=stack, command=command).failures
    assert failure.reproduce == (
        "python -m pytest --stack external --target 'the fleet.yaml' --out out/again"
        " 'suites/auth/test_auth.py::test_AUTH-001[dhruva]'"
    )


def test_what_check_judged_is_met_again_by_check(tmp_path: Path) -> None:
    stack = {"kind": "external", "reason": "requested", "details": {}}
    results = runs.with_outcome("AUTH-001", "dhruva", "failed")
    for line in results:
        line["nodeid"] = "auth/test_auth.py::TestIt::test_it[dhruva-as it is]"
    for option in ("--target fleet.yaml", "--target=fleet.yaml"):
        command = f"python -m pytest /there/suites --rootdir /there/suites --stack external {option}"
        [failure] = judged(tmp_path, results, exit=1, stack=stack, command=command).failures
        assert failure.reproduce == "bodhisattva check fleet.yaml --out out/again -k 'test_it[dhruva-as'"


def test_another_implementation_is_met_again_through_its_launcher(tmp_path: Path) -> None:
    command = "python -m pytest suites --stack process --launcher 'my-server --fast'"
    [failure] = judged(tmp_path, runs.with_outcome("AUTH-001", "dhruva", "failed"), exit=1, command=command).failures
    met = "python -m pytest --stack process --launcher 'my-server --fast' --out out/again 'suites/auth/"
    assert failure.reproduce.startswith(met)


def test_a_broken_should_is_a_warning(tmp_path: Path) -> None:
    report = judged(tmp_path, runs.with_outcome("AUTH-002", "akosha", "failed"), exit=1)
    assert report.verdict == "passed"
    assert [warning.clause for warning in report.warnings] == ["AUTH-002"]


def test_a_known_deviation_is_distinguished_but_still_a_failure(tmp_path: Path) -> None:
    results = [*runs.without("AUTH-001", "akosha"), runs.result("AUTH-001", "akosha", "failed", deviation="issue 7")]
    report = judged(tmp_path, results)
    assert report.verdict == "failed"
    assert report.reason == "1 MUST check failed (1 known and owned)"
    assert report.failures[0].deviation == "issue 7"


@pytest.mark.parametrize("outcome", ["missing", "unknown"])
def test_a_must_without_an_answer_makes_the_run_partial(tmp_path: Path, outcome: str) -> None:
    results = runs.without("AUTH-001", "akosha")
    if outcome == "unknown":
        results.append(runs.result("AUTH-001", "akosha", "unknown"))
    report = judged(tmp_path, results)
    assert report.verdict == "partial"
    assert report.reason == "1 MUST check not judged"
    assert [(gap.clause, gap.service, gap.outcome) for gap in report.gaps] == [("AUTH-001", "akosha", outcome)]


def test_a_fleet_clause_that_nobody_ran_is_missing(tmp_path: Path) -> None:
    report = judged(tmp_path, runs.without("CROSS-001", "fleet"))
    assert report.verdict == "partial"
    assert [(gap.clause, gap.service) for gap in report.gaps] == [("CROSS-001", "fleet")]


def test_an_unclaimed_feature_excuses_a_must(tmp_path: Path) -> None:
    report = judged(tmp_path, runs.with_outcome("TLS-001", "akosha", "unsupported"))
    assert report.verdict == "passed"
    assert report.profiles["secure"]["akosha"].unsupported == ["TLS-001"]


def test_nothing_excuses_a_core_must(tmp_path: Path) -> None:
    report = judged(tmp_path, runs.with_outcome("AUTH-001", "akosha", "unsupported"))
    assert report.verdict == "partial"
    assert [gap.clause for gap in report.gaps] == ["AUTH-001"]


@pytest.mark.parametrize("outcome", [None, "unsupported", "unknown"])
def test_a_run_that_judged_nothing_is_empty(tmp_path: Path, outcome: str | None) -> None:
    results = [line | {"outcome": outcome} for line in runs.all_passed()] if outcome else []
    assert judged(tmp_path, results).verdict == "empty"


def test_an_empty_catalogue_is_empty(tmp_path: Path) -> None:
    assert judged(tmp_path, [], catalogue=[]).verdict == "empty"


def test_a_failure_is_shown_even_where_the_run_is_partial(tmp_path: Path) -> None:
    results = [runs.result("AUTH-001", "akosha", "failed")]
    report = judged(tmp_path, results, selected=True, exit=1)
    assert report.verdict == "failed"
    assert report.reason.startswith("1 MUST check failed; 4 MUST checks not judged; only a selected part")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"selected": True}, "only a selected part of the suite was run"),
        ({"finished": None}, "the run did not end"),
        ({"exit": None}, "the run did not end"),
        ({"exit": 1}, "the run ended with exit code 1: no result explains it"),
        ({"exit": 2}, "the run ended with exit code 2: it was interrupted"),
        ({"exit": -9}, "the run ended with exit code -9: no result explains it"),
        ({"catalogue": [*runs.CATALOGUE, runs.CATALOGUE[0]]}, "AUTH-001 stands 2 times in the catalogue"),
        ({"catalogue": runs.CATALOGUE[1:]}, "2 problems with the run"),
    ],
)
def test_a_doubtful_run_is_partial(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    report = judged(tmp_path, runs.all_passed(), **changes)
    assert (report.verdict, report.reason) == ("partial", reason)


@pytest.mark.parametrize(
    "line", [b'{"clause": "AUTH-001", "ser', b"", b'{"clause": "A"}', b'"text"', b"\xff", b'{"outcome": "fine"}']
)
def test_a_line_that_cannot_be_read_makes_the_run_partial(tmp_path: Path, line: bytes) -> None:
    runs.write(tmp_path, runs.all_passed())
    with (tmp_path / "results.jsonl").open("ab") as file:
        file.write(line + b"\n")
    report = conformance.judge(run.read(tmp_path))
    assert report.verdict == "partial"
    assert report.problems[0].startswith("results.jsonl line 8: ")


def test_an_outcome_of_another_name_is_not_read_as_passed(tmp_path: Path) -> None:
    report = judged(tmp_path, runs.with_outcome("AUTH-001", "akosha", "ok"))
    assert report.verdict == "partial"
    assert report.gaps[0].outcome == "missing"


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        (["passed", "failed", "unknown"], "failed"),
        (["passed", "unknown", "unsupported"], "unknown"),
        (["unsupported", "passed"], "unsupported"),
        (["passed", "passed"], "passed"),
    ],
)
def test_the_worst_of_several_results_counts(tmp_path: Path, outcomes: list[str], worst: str) -> None:
    results = runs.without("TLS-001", "akosha")
    results += [runs.result("TLS-001", "akosha", outcome) for outcome in outcomes]
    [cell] = [
        cell
        for cell in conformance.cells(run.read(runs.write(tmp_path, results)))
        if (cell.clause.id, cell.service) == ("TLS-001", "akosha")
    ]
    assert cell.outcome == worst
    assert cell.duration == 0.5 * len(outcomes)


def test_a_clause_counts_only_on_the_services_it_is_about(tmp_path: Path) -> None:
    catalogue = [runs.clause("AUTH-001"), runs.clause("AUTH-002", services=["dhruva"])]
    results = [runs.result("AUTH-001", "akosha"), runs.result("AUTH-001", "dhruva")]
    report = judged(tmp_path, results, catalogue=catalogue)
    assert [(gap.clause, gap.service) for gap in report.gaps] == [("AUTH-002", "dhruva")]


def test_the_schema_refuses_a_success_with_a_gap(tmp_path: Path) -> None:
    report = json.loads(encode(judged(tmp_path, runs.without("AUTH-001", "akosha"))))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report | {"verdict": "passed"}, SCHEMA)
