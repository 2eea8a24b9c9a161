"""Runs that claim profiles: what they are measured against, and what they refuse."""

import json
from pathlib import Path

from bodhisattva.suites.catalogue.loader import load
from bodhisattva.suites.meta.mutant_run import run_suite

_WHOLE = ("suites", "--ignore=suites/meta", "--ignore=suites/interop")
_NOTHING = ("-k", "no test of this name")


def test_run_is_measured_against_the_clauses_of_its_profiles_and_services(tmp_path: Path) -> None:
    run_suite(tmp_path, *_WHOLE, "--services", "akosha", "--profile", "durable", "--profile", "live,durable", *_NOTHING)
    run = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    entries = load().entries.values()
    expected = {e.clause.id for e in entries if {"durable", "live"} & set(e.profiles) and e.per_service}
    assert run["claimed"] == ["durable", "live"]
    assert {row["id"] for row in run["catalogue"]} == expected
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(row["service"], row["outcome"]) for row in results} == {("akosha", "unknown")}


def test_clause_about_services_that_are_not_judged_is_no_part_of_a_claim() -> None:
    both = load().claiming(["secure"], ["mahavishnu", "fastblocks"]).entries
    assert "TLS-028" in both
    assert "TLS-028" not in load().claiming(["secure"], ["akosha"]).entries


def test_only_tests_of_the_profile_are_collected(tmp_path: Path) -> None:
    assert run_suite(tmp_path, *_WHOLE, "--profile", "scaled", "--collect-only", "-q") == 0
    cases = [line for line in (tmp_path / "output.txt").read_text(encoding="utf-8").splitlines() if "::" in line]
    assert cases
    assert {case.partition("/test_")[0] for case in cases} == {"suites/replicas"}


def test_unknown_profile_is_one_line_and_2(tmp_path: Path) -> None:
    for words in ("corre", "core,corre", ","):
        assert run_suite(tmp_path, *_WHOLE, "--profile", words) == 2
        printed = (tmp_path / "output.txt").read_text(encoding="utf-8").splitlines()
        assert len(printed) == 1, printed
        assert "there is no profile" in printed[0]
        assert "core, secure, durable" in printed[0]
        assert not (tmp_path / "run.json").exists()
