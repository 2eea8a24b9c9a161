"""The console command of a server that is wrong in one thing.

`python -m bodhisattva.suites.meta.mutate NAME serve SERVICE …` is `bodhisattva serve SERVICE …` after the mutant NAME
was put in place. With `--marks FOLDER` after NAME, it leaves there which places were reached.
This, `inject_all` and the mutants are the only modules of the suites that import servers.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from bodhisattva.servers.cli import main
from bodhisattva.suites.meta.inject import Inject
from bodhisattva.suites.meta.marks import Marks
from bodhisattva.suites.meta.registry import Mutant, mutant

_MARKS = "--marks"


def run() -> None:
    name = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    try:
        chosen = mutant(name)
    except LookupError as unknown:
        sys.stderr.write(f"{unknown}\n")
        sys.exit(2)
    put_in_place(chosen, _marks())
    main()


def put_in_place(chosen: Mutant, marks: Marks | None = None) -> None:
    """Make the servers' code of this process wrong."""
    getattr(module_of(chosen), chosen.name)(Inject(marks))


def module_of(chosen: Mutant) -> ModuleType:
    """The module of a mutant, which imports all that its mutants reach for."""
    return import_module(f"bodhisattva.suites.meta.mutants.{chosen.module}")


def _marks() -> Marks:
    if sys.argv[1:2] != [_MARKS]:
        return Marks()
    folder = sys.argv[2]
    del sys.argv[1:3]
    return Marks(Path(folder))


if __name__ == "__main__":
    run()
