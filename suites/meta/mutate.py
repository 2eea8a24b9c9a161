"""The console command of a server that is wrong in one thing.

`python -m bodhisattva.suites.meta.mutate NAME serve SERVICE …` is `bodhisattva serve SERVICE …` after NAME's
`mutate()`. This, `rehearse` and the mutants are the only modules of the suites that import servers.
"""

import sys
from importlib import import_module

from bodhisattva.servers.cli import main
from bodhisattva.suites.meta.registry import mutant


def run() -> None:
    name = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    try:
        mutant(name)
    except LookupError as unknown:
        sys.stderr.write(f"{unknown}\n")
        sys.exit(2)
    import_module(f"bodhisattva.suites.meta.mutants.{name}").mutate()
    main()


if __name__ == "__main__":
    run()
