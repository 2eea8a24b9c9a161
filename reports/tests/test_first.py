"""What to do first: causes before symptoms, what others rest on before all."""

import json
from pathlib import Path
from typing import Any

from bodhisattva.reports import conformance, run
from bodhisattva.reports.build import build
from bodhisattva.reports.report import Report
from bodhisattva.reports.tests import runs

NAMES = [f"PROTOCOL-{number:03}" for number in range(1, 10)]
CATALOGUE = [
    *[runs.clause(name, category="protocol", profiles=["core"]) for name in NAMES],
    runs.clause("AUTH-001", profiles=["core", "secure"], why="It lets anybody in.", causes=["No check of `exp`."]),
]
TIMED_OUT = "waited 5 s in vain for: an answer to '{}'"


def report(folder: Path, failed: dict[str, str], unknown: dict[str, str] | None = None, **changes: Any) -> Report:
    lines = {entry["id"]: runs.result(entry["id"], "akosha") for entry in CATALOGUE}
    for outcome, reasons in (("failed", failed), ("unknown", unknown or {})):
        lines |= {name: runs.result(name, "akosha", outcome, reason=why, **changes) for name, why in reasons.items()}
    plan = {
        "services": ["akosha"],
        "catalogue": CATALOGUE,
        "bases": {"PROTOCOL-009": {"symptom": "in vain for"}},
        "exit": 1,
    }
    return conformance.judge(run.read(runs.write(folder, list(lines.values()), **plan)))


def clauses(report: Report) -> list[str]:
    return [thing.clause for thing in report.first]


def test_what_others_rest_on_comes_first_then_security_then_what_affects_most(tmp_path: Path) -> None:
    failed = {name: TIMED_OUT.format(name) for name in NAMES[:6]}
    failed |= {"PROTOCOL-009": "The correlation_id was nothing.", "AUTH-001": "An expired token was accepted."}
    found = report(tmp_path, failed | {"PROTOCOL-008": "The type was 'ok'."})
    assert clauses(found) == ["PROTOCOL-009", "AUTH-001", "PROTOCOL-001"]
    assert found.first[2].where == "on akosha, and 5 clauses more for the same cause"


def test_failures_that_show_the_symptom_of_a_broken_base_are_its(tmp_path: Path) -> None:
    failed = {name: TIMED_OUT.format(name) for name in NAMES} | {"AUTH-001": "An expired token was accepted."}
    found = report(tmp_path, failed)
    assert clauses(found) == ["PROTOCOL-009", "AUTH-001"]
    assert found.first[0].where == "on akosha, and 8 clauses more for the same cause"


def test_what_was_not_judged_because_of_a_base_counts_for_it(tmp_path: Path) -> None:
    unknown = dict.fromkeys(NAMES[:4], "because of PROTOCOL-009: no correlation_id")
    found = report(tmp_path, {"PROTOCOL-009": "The correlation_id was nothing."}, unknown)
    assert clauses(found) == ["PROTOCOL-009"]
    assert found.first[0].where == "on akosha, 4 checks could not be judged for it"


def test_without_a_failure_it_is_what_left_most_unjudged(tmp_path: Path) -> None:
    unknown = dict.fromkeys(NAMES[:4], "the target does not allow write") | {"AUTH-001": "tear-down failed: x"}
    found = report(tmp_path, {}, unknown)
    assert [(thing.clause, thing.where) for thing in found.first] == [
        ("PROTOCOL-001", "on akosha, 4 MUST checks not judged"),
        ("AUTH-001", "on akosha, 1 MUST check not judged"),
    ]


def test_a_known_failure_comes_last(tmp_path: Path) -> None:
    known = report(tmp_path, {"AUTH-001": "a", "PROTOCOL-001": "b"}, deviation="issue 7")
    assert known.first[0].clause == "AUTH-001"
    lines = [runs.result("AUTH-001", "akosha", "failed", reason="a", deviation="issue 7")]
    lines += [runs.result("PROTOCOL-001", "akosha", "failed", reason="b")]
    plan = {"services": ["akosha"], "catalogue": CATALOGUE, "exit": 1}
    mixed = conformance.judge(run.read(runs.write(tmp_path / "mixed", lines, **plan)))
    assert clauses(mixed)[:2] == ["PROTOCOL-001", "AUTH-001"]


def test_a_success_has_nothing_to_do(tmp_path: Path) -> None:
    assert report(tmp_path, {}).first == []


def test_the_last_lines_of_a_run_have_it_with_the_command(tmp_path: Path) -> None:
    report(tmp_path, {"AUTH-001": "An expired token\nwas accepted."})
    lines = build(tmp_path).lines
    assert "to do first:" in lines
    assert "1. AUTH-001 on akosha: An expired token was accepted. - bodhisattva explain AUTH-001" in lines


def test_each_report_has_what_explains_a_failure(tmp_path: Path) -> None:
    wire = 'wire 1: akosha\n   0.0010 << {"type": "response"}'
    report(tmp_path, {"AUTH-001": "An expired token was accepted."}, raw="assert 'response' == 'error'", seen=[wire])
    build(tmp_path)
    texts = ["It lets anybody in.", "No check of `exp`.", "assert 'response' == 'error'", "wire 1: akosha"]
    [failure] = json.loads((tmp_path / "conformance.json").read_text())["failures"]
    shown = [failure["why"], *failure["causes"], failure["raw"], failure["seen"][0].splitlines()[0]]
    assert shown == texts
    markdown = (tmp_path / "summary.md").read_text(encoding="utf-8")
    page = (tmp_path / "matrix.html").read_text(encoding="utf-8")
    for text in texts:
        assert text in markdown
        assert text.replace("'", "\\u0027") in page
