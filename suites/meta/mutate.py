"""The console command of a server that is wrong in one thing.

`python -m bodhisattva.suites.meta.mutate NAME serve SERVICE …` is `bodhisattva serve SERVICE …` after the mutant NAME
was put in place. This, `rehearse` and the mutants are the only modules of the suites that import servers.
"""

import sys
from importlib import import_module

from bodhisattva.servers.cli import main
from bodhisattva.suites.meta.inject import Inject
from bodhisattva.suites.meta.registry import Mutant, mutant


def run() -> None:
    name = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    try:
        chosen = mutant(name)
    except LookupError as unknown:
        sys.stderr.write(f"{unknown}\n")
        sys.exit(2)
    put_in_place(chosen)
    main()


def put_in_place(chosen: Mutant) -> None:
    module = import_module(f"bodhisattva.suites.meta.mutants.{chosen.module}")
    getattr(module, chosen.name)(Inject())


if __name__ == "__main__":
    run()
