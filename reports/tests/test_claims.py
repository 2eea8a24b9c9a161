"""Claims of profiles: only one of which every MUST was judged and passed holds."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bodhisattva.reports import conformance, run
from bodhisattva.reports.badge import badge
from bodhisattva.reports.build import build
from bodhisattva.reports.report import Report, encode
from bodhisattva.reports.tests import runs

SCHEMA = json.loads((files("bodhisattva.reports") / "schema" / "conformance-1.json").read_text())
PROFILES = {
    "core": {"means": "does what any server does"},
    "secure": {"means": "keeps out whom it has to", "requires": ["tls"]},
}
CATALOGUE = [
    runs.clause("AUTH-001", profiles=["core", "secure"]),
    runs.clause("AUTH-002", level="SHOULD", profiles=["core"]),
    runs.clause("TLS-001", category="tls", feature="tls", profile="secure", profiles=["secure"]),
    runs.clause("TLS-002", category="tls", feature="mtls", profile="secure", profiles=["secure"]),
]


def judged(folder: Path, changed: dict[str, str] | None = None, **changes: Any) -> Report:
    """The report on a run of akosha that claims both profiles; `changed` are outcomes other than passed, by clause."""
    outcomes = {entry["id"]: "passed" for entry in CATALOGUE} | (changed or {})
    results = [runs.result(name, "akosha", outcome) for name, outcome in outcomes.items() if outcome != "missing"]
    failed = "failed" in outcomes.values() or "unknown" in outcomes.values()
    plan = {"services": ["akosha"], "catalogue": CATALOGUE, "profiles": PROFILES, "claimed": ["core", "secure"]}
    report = conformance.judge(run.read(runs.write(folder, results, **(plan | {"exit": int(failed)} | changes))))
    jsonschema.validate(json.loads(encode(report)), SCHEMA)
    return report


def test_a_claim_of_which_all_holds_is_conformant(tmp_path: Path) -> None:
    report = judged(tmp_path)
    assert report.verdict == "passed"
    assert report.reason == "conformant to core, secure: all 4 MUST checks that apply passed"
    secure = report.claims["secure"]
    assert (secure.verdict, secure.passed, secure.of, secure.lacking) == ("passed", 3, 3, [])
    assert "core, secure 4/4" in badge(report)


@pytest.mark.parametrize("outcome", ["unknown", "missing"])
def test_no_claim_holds_with_a_must_that_was_not_judged(tmp_path: Path, outcome: str) -> None:
    report = judged(tmp_path, {"TLS-001": outcome})
    assert report.verdict == "partial"
    assert report.claims["core"].verdict == "passed"
    secure = report.claims["secure"]
    assert secure.verdict == "partial"
    assert [(lack.clause, lack.service, lack.outcome) for lack in secure.lacking] == [("TLS-001", "akosha", outcome)]
    assert (secure.unknown, secure.missing) == ((1, 0) if outcome == "unknown" else (0, 1))
    assert report.reason == "not shown to conform to secure: 1 MUST check not judged; conformant to core"


def test_a_broken_must_fails_each_profile_that_it_counts_for(tmp_path: Path) -> None:
    report = judged(tmp_path, {"AUTH-001": "failed"})
    assert report.verdict == "failed"
    assert {name: claim.verdict for name, claim in report.claims.items()} == {"core": "failed", "secure": "failed"}
    assert "not core (1 failed), secure (1 failed)" in badge(report)


def test_a_broken_should_leaves_a_claim_as_it_is(tmp_path: Path) -> None:
    assert judged(tmp_path, {"AUTH-002": "failed"}).claims["core"].verdict == "passed"


def test_a_required_feature_that_is_not_claimed_is_lacking(tmp_path: Path) -> None:
    report = judged(tmp_path, {"TLS-001": "unsupported"})
    assert report.verdict == "partial"
    assert [lack.outcome for lack in report.claims["secure"].lacking] == ["unsupported"]


def test_another_feature_that_is_not_claimed_is_excused(tmp_path: Path) -> None:
    secure = judged(tmp_path, {"TLS-002": "unsupported"}).claims["secure"]
    assert (secure.verdict, secure.unsupported, secure.of) == ("passed", 1, 2)


def test_a_run_that_did_not_end_proves_no_claim(tmp_path: Path) -> None:
    report = judged(tmp_path, finished=None)
    assert {claim.verdict for claim in report.claims.values()} == {"partial"}
    assert report.verdict == "partial"


def test_a_whole_run_shows_every_profile_and_ends_by_all(tmp_path: Path) -> None:
    report = judged(tmp_path, {"TLS-002": "failed"}, claimed=[])
    assert report.reason == "1 MUST check failed"
    assert {name: claim.verdict for name, claim in report.claims.items()} == {"core": "passed", "secure": "failed"}


def test_pages_and_exit_code_end_by_the_claim(tmp_path: Path) -> None:
    judged(tmp_path)
    built = build(tmp_path)
    assert built.exit_code == 0
    assert built.lines[0] == "PASSED: conformant to core, secure: all 4 MUST checks that apply passed"
    assert "| secure | ✅ all 3 MUST checks that apply passed | 3 | 0 | 0 | 0 | 3 |" in (
        (tmp_path / "summary.md").read_text(encoding="utf-8")
    )
    assert "Claimed profiles" in (tmp_path / "matrix.html").read_text(encoding="utf-8")
