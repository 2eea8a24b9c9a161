"""The mutants, read off their source without importing it, since that would import the servers.

A mutant is a function of a module in `mutants` with the decorator `mutant` of `inject`, whose arguments are literals.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "mutants"


@dataclass(frozen=True)
class Mutant:
    """The real server, made wrong in one thing. name: of its function, as the launcher takes it."""

    name: str
    module: str
    clause: str
    wrong: str
    failure: str
    also: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()


def mutants(folder: Path = FOLDER) -> list[Mutant]:
    """Every mutant, by name. Raises ValueError if two have the same name."""
    found: dict[str, Mutant] = {}
    for file in sorted(folder.glob("*.py")):
        for each in _read(file):
            if each.name in found:
                raise ValueError(f"{each.name} is a mutant of {found[each.name].module} and of {each.module}")
            found[each.name] = each
    return [found[name] for name in sorted(found)]


def mutant(name: str) -> Mutant:
    """The mutant of this name, or LookupError with those that there are."""
    found = {each.name: each for each in mutants()}
    if name not in found:
        raise LookupError(f"there is no mutant {name!r}; there are: {', '.join(found)}")
    return found[name]


def _read(file: Path) -> Iterator[Mutant]:
    for statement in ast.parse(file.read_text(encoding="utf-8"), str(file)).body:
        match statement:
            case ast.FunctionDef(
                name=name,
                decorator_list=[ast.Call(func=ast.Name(id="mutant"), args=[ast.Constant(value=clause)], keywords=rest)],
            ):
                literals = {each.arg: ast.literal_eval(each.value) for each in rest if each.arg}
                yield Mutant(name, file.stem, str(clause), **literals)
