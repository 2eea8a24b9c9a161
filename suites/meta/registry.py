"""The mutants, read off their source without importing it, since that would import the servers.

A file of `mutants` holds, as literals, CLAUSE (the id of the clause that must reject it), WRONG (what is wrong, in
one sentence), SAYS (what the clause's failure must say), maybe ALSO (ids of clauses that fail for the same cause) and
BESIDES (services that the clause needs besides those that it is about), and `mutate()`, which makes the server's code
wrong before it serves.
"""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "mutants"
_FIELDS = {"CLAUSE", "WRONG", "SAYS", "ALSO", "BESIDES"}


@dataclass(frozen=True)
class Mutant:
    """The real server, made wrong in one thing. name: of its file, as the launcher takes it."""

    name: str
    clause: str
    wrong: str
    says: str
    also: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()


def mutants(folder: Path = FOLDER) -> list[Mutant]:
    """Every mutant, by name."""
    return [_read(file) for file in sorted(folder.glob("*.py")) if file.stem != "__init__"]


def mutant(name: str) -> Mutant:
    """The mutant of this name, or LookupError with those that there are."""
    found = {each.name: each for each in mutants()}
    if name not in found:
        raise LookupError(f"there is no mutant {name!r}; there are: {', '.join(found)}")
    return found[name]


def _read(file: Path) -> Mutant:
    return Mutant(file.stem, **{name.lower(): value for name, value in _literals(file).items()})


def _literals(file: Path) -> dict[str, Any]:
    found = {}
    for statement in ast.parse(file.read_text(encoding="utf-8"), str(file)).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in _FIELDS:
                found[name] = ast.literal_eval(value)
    return found
