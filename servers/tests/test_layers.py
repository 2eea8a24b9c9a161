"""The folders tell the architecture only as long as what imports what keeps to them."""

import ast
from collections.abc import Iterator
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
    *("errors", "domain", "channels", "records", "config", "descriptors", "shape", "envelope", "hosts", "loops"),
    *("transport", "telemetry", "log", "work", "service", "auth", "engine"),
    *("connections", "replicas", "host", "bridges", "http", "server", "run"),
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


def imports(folder: str, prefix: str) -> set[tuple[str, str, str]]:
    """(part of the folder, file, part named after the prefix) of each import below the folder that has the prefix."""
    top = TOP / folder
    return {
        (file.relative_to(top).parts[0].removesuffix(".py"), str(file.relative_to(TOP)), name.split(".")[0])
        for file in top.rglob("*.py")
        if APART.isdisjoint(file.parts)
        for module in imported(ast.parse(file.read_text()))
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


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_no_module_imports_a_conftest(folder: str) -> None:
    """Pytest loads each conftest under a name of its own, so an import makes a second module of the same file."""
    names = {
        (str(file), name) for file in (TOP / folder).rglob("*.py") for name in imported(ast.parse(file.read_text()))
    }
    assert names, "no import was found"
    assert not {(file, name) for file, name in names if "conftest" in name.split(".")}
