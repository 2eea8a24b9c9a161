"""Reads the catalogue: the clauses off the tests' source (by `ast`, nothing is imported), the rest from YAML."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bodhisattva.fixtures.catalogue import APART, Base, Catalogue, CatalogueError, Deviation, Entry
from bodhisattva.fixtures.clause import CATEGORIES, LEVELS, Clause
from bodhisattva.fixtures.explanation import Family
from bodhisattva.fixtures.profiles import Profile

_ID = re.compile(rf"({'|'.join(CATEGORIES)})-\d{{3}}")
_PER_SERVICE = {"service", "node", "fresh", "sample"}
_FOLDER = Path(__file__).resolve().parent


def load(suites: Path = _FOLDER.parent) -> Catalogue:
    """The catalogue of the tests under `suites`; CatalogueError with all that is wrong with it."""
    folder = suites / "catalogue"
    profiles = load_profiles(folder)
    entries = [*_tested(suites), *_planned(folder / "planned.yaml")]
    deviations = msgspec.convert(_yaml(folder / "deviations.yaml"), list[Deviation])
    bases = msgspec.convert(_yaml(folder / "bases.yaml"), dict[str, Base])
    problems = [*_problems(entries, profiles, baseline(folder)), *_strays(deviations, bases, entries)]
    if problems:
        raise CatalogueError("the catalogue is not sound:\n  " + "\n  ".join(problems))
    return Catalogue(
        {entry.clause.id: _claimed(entry, profiles) for entry in entries},
        {(deviation.clause, deviation.service): deviation for deviation in deviations},
        profiles,
        suites,
        bases=bases,
    )


def load_profiles(folder: Path = _FOLDER) -> dict[str, Profile]:
    """The profiles by name, in the order of the file."""
    return msgspec.convert(_yaml(folder / "profiles.yaml"), dict[str, Profile])


def sections(folder: Path = _FOLDER) -> dict[str, str]:
    """What each section of the protocol is about, by its number."""
    found: dict[str, str] = _yaml(folder / "sections.yaml")
    return found


def _claimed(entry: Entry, profiles: Mapping[str, Profile]) -> Entry:
    """The entry with the profiles that it counts for; what others' software judges counts for its own alone."""
    clause = entry.clause
    apart = clause.category == APART
    names = [
        name
        for name, profile in profiles.items()
        if name == clause.profile or (not apart and profile.also.takes_in(clause.category, entry.needs))
    ]
    return replace(entry, profiles=tuple(names))


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
    shared: dict[Path, _Folder] = {}
    for path in sorted(suites.glob("*/test_*.py")):
        name = f"{suites.name}/{path.relative_to(suites)}"
        body = _parsed(path)
        if path.parent not in shared:
            shared[path.parent] = _Folder.of(path.parent)
        family, fixtures = shared[path.parent].families.get(path.stem), shared[path.parent].fixtures | _fixtures(body)
        for owner, function in _tests(body):
            for decorator in function.decorator_list:
                if _is_clause(decorator):
                    entry = _entry(decorator, f"{name}::{owner}{function.name}", function, fixtures)
                    yield replace(entry, explanation=family.of(entry.clause.id)) if family else entry


@dataclass(frozen=True)
class _Folder:
    """What the modules of a category share: explanations by module, and what its fixtures take, by their names."""

    families: Mapping[str, Family]
    fixtures: dict[str, set[str]]

    @classmethod
    def of(cls, folder: Path) -> "_Folder":
        explained, conftest = folder / "explanations.yaml", folder / "conftest.py"
        return cls(
            msgspec.convert(_yaml(explained), dict[str, Family]) if explained.exists() else {},
            _fixtures(_parsed(conftest)) if conftest.exists() else {},
        )


def _fixtures(body: list[ast.stmt]) -> dict[str, set[str]]:
    """What each function of a module takes, by its name; fixtures are among them."""
    return {function.name: _parameters(function) for _, function in _tests(body)}


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}


def _closure(names: set[str], fixtures: Mapping[str, set[str]]) -> frozenset[str]:
    """Names of fixtures with all that these take in turn."""
    found: set[str] = set()
    while names - found:
        found |= names
        names = {needed for name in found for needed in fixtures.get(name, ())}
    return frozenset(found)


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


def _entry(
    decorator: ast.expr,
    test: str,
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    fixtures: Mapping[str, set[str]],
) -> Entry:
    assert isinstance(decorator, ast.Call)
    try:
        (clause_id,) = [ast.literal_eval(argument) for argument in decorator.args]
        given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in decorator.keywords}
        clause = Clause(clause_id, **{str(name): value for name, value in given.items()})
    except (ValueError, TypeError) as error:
        raise CatalogueError(f"{test}: the clause's arguments are not as they must be, literals: {error}") from error
    parameters = _parameters(function)
    return Entry(clause, test, bool(parameters & _PER_SERVICE), _closure(parameters, fixtures))


def _problems(entries: list[Entry], profiles: Mapping[str, Profile], cases: set[str]) -> Iterator[str]:
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


def _clause_problems(clause: Clause, where: str, profiles: Mapping[str, Profile], cases: set[str]) -> Iterator[str]:
    if clause.level not in LEVELS:
        yield f"{where}: {clause.id}: level {clause.level} is none of {', '.join(LEVELS)}"
    if clause.profile not in profiles:
        yield f"{where}: {clause.id}: profile {clause.profile} is none of {', '.join(profiles)}"
    elif clause.feature not in profiles[clause.profile].features:
        yield f"{where}: {clause.id}: profile {clause.profile} has no feature {clause.feature}"
    if clause.baseline and clause.baseline not in cases:
        yield f"{where}: {clause.id}: baseline.yaml has no case {clause.baseline}"


def _strays(deviations: list[Deviation], bases: Iterable[str], entries: list[Entry]) -> Iterator[str]:
    known = {entry.clause.id for entry in entries}
    yield from (f"bases.yaml: there is no clause {clause}" for clause in bases if clause not in known)
    for deviation in deviations:
        if deviation.clause not in known:
            yield f"deviations.yaml: there is no clause {deviation.clause}"
