"""How mutants are found: by their presence in a folder, read without being imported."""

from pathlib import Path

import pytest

from bodhisattva.suites.meta.registry import Mutant, mutants

SOURCE = """
import no_such_module

@mutant("AUTH-001", wrong="is wrong", failure="so it is", also=("AUTH-002", "AUTH-003"), besides=("akosha",))
def is_wrong(inject): ...

def helper(inject): ...

@mutant("AUTH-002", wrong="is otherwise wrong", failure="so it is")
def is_otherwise_wrong(inject): ...
"""


def test_mutants_are_the_decorated_functions_by_name(tmp_path: Path) -> None:
    (tmp_path / "area.py").write_text(SOURCE, encoding="utf-8")
    assert mutants(tmp_path) == [
        Mutant("is_otherwise_wrong", "area", "AUTH-002", "is otherwise wrong", "so it is"),
        Mutant("is_wrong", "area", "AUTH-001", "is wrong", "so it is", ("AUTH-002", "AUTH-003"), ("akosha",)),
    ]


def test_a_name_that_two_modules_use_is_refused(tmp_path: Path) -> None:
    for module in ("one", "other"):
        (tmp_path / f"{module}.py").write_text(SOURCE, encoding="utf-8")
    with pytest.raises(ValueError, match="is_wrong is a mutant of one and of other"):
        mutants(tmp_path)
