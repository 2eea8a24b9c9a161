"""Reads the catalogue: the clauses off the tests' source (by `ast`, nothing is imported), the rest from YAML."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bodhisattva.fixtures.catalogue import Catalogue, CatalogueError, Deviation, Entry
from bodhisattva.fixtures.clause import CATEGORIES, LEVELS, Clause

_ID = re.compile(rf"({'|'.join(CATEGORIES)})-\d{{3}}")
_PER_SERVICE = {"service", "node", "fresh", "sample"}
_FOLDER = Path(__file__).resolve().parent


def load(suites: Path = _FOLDER.parent) -> Catalogue:
    """The catalogue of the tests under `suites`; CatalogueError with all that is wrong with it."""
    folder = suites / "catalogue"
    profiles: dict[str, list[str]] = _yaml(folder / "profiles.yaml")
    entries = [*_tested(suites), *_planned(folder / "planned.yaml")]
    deviations = msgspec.convert(_yaml(folder / "deviations.yaml"), list[Deviation])
    problems = [*_problems(entries, profiles, baseline(folder)), *_strays(deviations, entries)]
    if problems:
        raise CatalogueError("the catalogue is not sound:\n  " + "\n  ".join(problems))
    return Catalogue(
        {entry.clause.id: entry for entry in entries},
        {(deviation.clause, deviation.service): deviation for deviation in deviations},
        profiles,
        suites,
    )


def baseline(folder: Path = _FOLDER) -> set[str]:
    """The cases of the earlier round, as `Class::case`."""
    classes: dict[str, list[str]] = _yaml(folder / "baseline.yaml")
    return {f"{name}::{case}" for name, cases in classes.items() for case in cases}


def unsucceeded(catalogue: Catalogue) -> set[str]:
    """Cases of the earlier round that no clause with a test names."""
    named = {entry.clause.baseline for entry in catalogue.entries.values() if entry.test}
    return baseline() - {name for name in named if name}


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _planned(path: Path) -> Iterator[Entry]:
    for clause in msgspec.convert(_yaml(path), list[Clause]):
        yield Entry(clause, None, per_service=True)


def _tested(suites: Path) -> Iterator[Entry]:
    for path in sorted(suites.glob("*/test_*.py")):
        name = f"{suites.name}/{path.relative_to(suites)}"
        for owner, function in _tests(_parsed(path)):
            for decorator in function.decorator_list:
                if _is_clause(decorator):
                    yield _entry(decorator, f"{name}::{owner}{function.name}", function)


def _parsed(path: Path) -> list[ast.stmt]:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), str(path)).body
    except SyntaxError as error:
        raise CatalogueError(f"{path}:{error.lineno}: {error.msg}") from error


def _tests(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield from _tests(statement.body, f"{owner}{statement.name}::")
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield owner, statement


def _is_clause(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "clause"


def _entry(decorator: ast.expr, test: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Entry:
    assert isinstance(decorator, ast.Call)
    try:
        (clause_id,) = [ast.literal_eval(argument) for argument in decorator.args]
        given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in decorator.keywords}
        clause = Clause(clause_id, **{str(name): value for name, value in given.items()})
    except (ValueError, TypeError) as error:
        raise CatalogueError(f"{test}: the clause's arguments are not as they must be, literals: {error}") from error
    parameters = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
    return Entry(clause, test, per_service=bool(parameters & _PER_SERVICE))


def _problems(entries: list[Entry], profiles: Mapping[str, list[str]], cases: set[str]) -> Iterator[str]:
    places: dict[str, str] = {}
    for entry in entries:
        clause, where = entry.clause, entry.test or "planned.yaml"
        if clause.id in places:
            yield f"{clause.id} stands twice: {places[clause.id]} and {where}"
        places[clause.id] = where
        if not _ID.fullmatch(clause.id):
            yield f"{where}: {clause.id} is no id; one is {'|'.join(CATEGORIES)}, a dash and three digits"
        elif entry.test and f"/{clause.category}/" not in entry.test:
            yield f"{where}: {clause.id} belongs into suites/{clause.category}/"
        yield from _clause_problems(clause, where, profiles, cases)


def _clause_problems(clause: Clause, where: str, profiles: Mapping[str, list[str]], cases: set[str]) -> Iterator[str]:
    if clause.level not in LEVELS:
        yield f"{where}: {clause.id}: level {clause.level} is none of {', '.join(LEVELS)}"
    if clause.profile not in profiles:
        yield f"{where}: {clause.id}: profile {clause.profile} is none of {', '.join(profiles)}"
    elif clause.feature not in profiles[clause.profile]:
        yield f"{where}: {clause.id}: profile {clause.profile} has no feature {clause.feature}"
    if clause.baseline and clause.baseline not in cases:
        yield f"{where}: {clause.id}: baseline.yaml has no case {clause.baseline}"


def _strays(deviations: list[Deviation], entries: list[Entry]) -> Iterator[str]:
    known = {entry.clause.id for entry in entries}
    for deviation in deviations:
        if deviation.clause not in known:
            yield f"deviations.yaml: there is no clause {deviation.clause}"
