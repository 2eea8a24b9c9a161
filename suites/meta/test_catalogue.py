"""The real catalogue against what pytest collects: nothing in it without a case, no case without it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bodhisattva.fixtures import catalogue as contents
from bodhisattva.fixtures.catalogue import APART, Catalogue
from bodhisattva.fixtures.clause import CATEGORIES
from bodhisattva.fixtures.sample_files import sampled
from bodhisattva.suites.catalogue.loader import load, sections, unsucceeded
from bodhisattva.suites.meta.mutant_run import CHECKOUT, run_suite

_SERVERS = "bodhisattva.servers"
_SHARED = "bodhisattva.servers.client"
_MAY_IMPORT_SERVERS = {"suites/meta/mutate.py", "suites/meta/inject_all.py", "suites/meta/mutants"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The cases that a run of the whole suite would judge, as pytest names them."""
    out = tmp_path_factory.mktemp("collected")
    code = run_suite(out, "suites", "--ignore=suites/meta", "--ignore=suites/interop", "--collect-only", "-q")
    printed = (out / "output.txt").read_text(encoding="utf-8")
    assert code == 0, printed
    return {line for line in printed.splitlines() if "::" in line}


def test_every_clause_has_a_case_for_each_service_and_every_case_a_clause(
    catalogue: Catalogue, collected: set[str]
) -> None:
    tested = [entry for entry in catalogue.entries.values() if entry.test and entry.clause.category != APART]
    expected = {
        f"{entry.test}[{service}" if service in sampled() else str(entry.test)
        for entry in tested
        for service in entry.subjects(sampled())
    }
    without_case = {each for each in expected if not any(case.startswith(each) for case in collected)}
    assert not without_case
    assert {contents.test_of(case) for case in collected} == {entry.test for entry in tested}


def test_clauses_are_enough_and_of_every_kind(catalogue: Catalogue) -> None:
    tested = [entry.clause for entry in catalogue.entries.values() if entry.test]
    assert len(tested) >= 60
    assert {clause.category for clause in tested} >= set(CATEGORIES.values()) - {APART}


def test_every_profile_is_judged_by_some_clause(catalogue: Catalogue) -> None:
    judged = {name for entry in catalogue.entries.values() if entry.test for name in entry.profiles}
    assert judged == set(catalogue.profiles)


def test_core_is_judged_of_a_server_as_it_runs(catalogue: Catalogue) -> None:
    core = [entry for entry in catalogue.entries.values() if "core" in entry.profiles]
    assert {entry.clause.level for entry in core} == {"MUST"}
    assert {entry.clause.id for entry in core if "deployed" not in entry.profiles} == set()
    assert {entry.clause.id for entry in core if not entry.per_service} == set()


def test_required_features_are_those_of_clauses_of_the_profile(catalogue: Catalogue) -> None:
    for name, profile in catalogue.profiles.items():
        features = {entry.clause.feature for entry in catalogue.entries.values() if name in entry.profiles}
        assert features >= set(profile.requires), name


def test_every_clause_is_explained(catalogue: Catalogue) -> None:
    explained = {name: entry.explanation for name, entry in catalogue.entries.items()}
    assert {
        name for name, each in explained.items() if not each.why or not all(each.causes) or not each.causes
    } == set()


def test_explanations_are_of_modules_and_clauses_that_there_are(catalogue: Catalogue) -> None:
    modules: dict[str, set[str]] = {}
    for name, entry in catalogue.entries.items():
        modules.setdefault(str(entry.test).partition("::")[0].removesuffix(".py"), set()).add(name)
    for file in (CHECKOUT / "suites").glob("*/explanations.yaml"):
        for module, family in yaml.safe_load(file.read_text(encoding="utf-8")).items():
            there = modules.get(f"suites/{file.parent.name}/{module}", set())
            assert there, f"{file}: there is no {module}"
            assert set(family.get("clauses", {})) <= there, f"{file}: {module}"


def test_sections_of_clauses_have_a_heading(catalogue: Catalogue) -> None:
    assert {entry.clause.section for entry in catalogue.entries.values()} <= set(sections())
    protocol = (CHECKOUT / "docs" / "protocol.md").read_text(encoding="utf-8")
    for number, heading in sections().items():
        if "." not in number:
            assert f"## {number}. {heading.partition(',')[0]}" in protocol, number


def test_every_case_of_the_earlier_round_has_its_successor(catalogue: Catalogue) -> None:
    assert not unsucceeded(catalogue)


@pytest.mark.parametrize("folder", ["suites", "fixtures", "chaos"])
def test_judges_do_not_import_what_they_judge(folder: str) -> None:
    files = [file for file in (CHECKOUT / folder).rglob("*.py") if not _may_import_servers(file)]
    assert files
    importing = {str(file.relative_to(CHECKOUT)): sorted(found) for file in files if (found := set(_servers_in(file)))}
    assert not importing


def _may_import_servers(file: Path) -> bool:
    name = str(file.relative_to(CHECKOUT))
    return any(name == allowed or name.startswith(f"{allowed}/") for allowed in _MAY_IMPORT_SERVERS)


def _servers_in(file: Path) -> Iterator[str]:
    """The modules of servers that a file imports; the client that users have too is not meant."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        yield from (name for name in names if name.startswith(_SERVERS) and not name.startswith(_SHARED))
