"""The folders show the architecture only as long as what imports what keeps to them."""

import ast
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from bodhisattva import servers

ROOT = "bodhisattva."
CORE = f"{ROOT}servers.core."
TOP = Path(next(iter(servers.__path__))).parent

# Who judges knows nothing of who is judged.
MAY_IMPORT = {
    "servers": (),
    "reports": (),
    "fixtures": ("reports",),
    "suites": ("fixtures", "reports"),
    "chaos": ("fixtures",),
}
# The wrong servers that the suite is tried on are made of the right ones.
APART = {"tests", "meta"}
# From what nothing can do without up to what nothing uses; each may import those before it.
CORE_ORDER = (
    *("errors", "domain", "channels", "inputs", "config", "restart", "file_limit", "shape", "envelope", "addresses"),
    *("event_loop", "phase", "transport", "telemetry", "log", "supervisor", "service", "auth", "settings", "delivery"),
    *("engine", "connections", "replicas", "runtime", "bridges", "http", "settings_loader", "reload", "composition"),
    *("drain", "upgrades", "server", "run"),
)


def imported(tree: ast.AST) -> Iterator[str]:
    """Each module named by an import that runs; those that only types need are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        else:
            yield from imported(node)


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement below a node, without its expressions, which hold no import."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from statements(child)


def modules() -> dict[str, Path]:
    """The file of each module below the top folders."""
    files = (file for folder in MAY_IMPORT for file in (TOP / folder).rglob("*.py"))
    return {_module(file): file for file in files}


def _module(file: Path) -> str:
    parts = file.relative_to(TOP).with_suffix("").parts
    return ROOT + ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def dependencies(tree: ast.AST, known: Collection[str]) -> set[str]:
    """The known modules that a source names in any import: at the top, in a function, or for type checkers alone."""
    nodes = list(statements(tree))
    named = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found = {f"{node.module}.{name.name}" for name in node.names}
            named |= {name if name in known else node.module for name in found}
    return named & set(known)


def circle(graph: Mapping[str, Collection[str]]) -> list[str]:
    """The modules of a circle, in the order of its imports; none if there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]
    return []


def imports(folder: str, prefix: str) -> set[tuple[str, str, str]]:
    """(part of the folder, file, part named after the prefix) of each import below the folder that has the prefix."""
    top = TOP / folder
    return {
        (file.relative_to(top).parts[0].removesuffix(".py"), str(file.relative_to(TOP)), name.split(".")[0])
        for file in top.rglob("*.py")
        if APART.isdisjoint(file.parts)
        for module in imported(parsed(file))
        if (name := module.removeprefix(prefix)) != module
    }


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_top_folder_imports_only_what_it_stands_on(folder: str) -> None:
    allowed = {folder, *MAY_IMPORT[folder]}
    assert not {(file, other) for _, file, other in imports(folder, ROOT) if other not in allowed}


def test_a_part_of_the_core_imports_only_what_comes_before_it() -> None:
    order = {part: place for place, part in enumerate(CORE_ORDER)}
    found = imports("servers/core", CORE)
    assert not {(file, other) for part, file, other in found if order[other] > order[part]}


def test_each_part_of_the_core_has_its_place_in_the_order() -> None:
    assert {path.stem for path in (TOP / "servers/core").iterdir() if not path.name.startswith("__")} == set(CORE_ORDER)


def test_there_is_no_import_cycle() -> None:
    """Whoever reads one file of a circle has to read them all."""
    files = modules()
    assert not circle({module: dependencies(parsed(file), files) - {module} for module, file in files.items()})


@pytest.mark.parametrize(
    "text",
    [
        "from bodhisattva.first import x",
        "import bodhisattva.first",
        "from bodhisattva import first",
        "def f():\n    from bodhisattva.first import x",
        "if TYPE_CHECKING:\n    from bodhisattva.first import x",
    ],
)
def test_an_import_cycle_is_found_by_any_kind_of_import(text: str) -> None:
    first, second = "bodhisattva.first", "bodhisattva.second"
    assert dependencies(ast.parse(text), {first, second}) == {first}
    assert circle({first: {second}, second: {first}})[0] in {first, second}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_no_module_imports_a_conftest(folder: str) -> None:
    """Pytest loads each conftest under a name of its own, so an import makes a second module of the same file."""
    names = {(str(file), name) for file in (TOP / folder).rglob("*.py") for name in imported(parsed(file))}
    assert names, "no import was found"
    assert not {(file, name) for file, name in names if "conftest" in name.split(".")}
