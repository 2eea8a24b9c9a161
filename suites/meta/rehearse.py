"""Makes each mutant once and judges none: `python -m bodhisattva.suites.meta.rehearse` names those that cannot be made.

A mutant reaches into the servers' code. One whose place there has moved is found so in seconds.
"""

import os
import sys
import traceback
from importlib import import_module

import bodhisattva.servers.fleet  # noqa: F401 - once here, instead of in each child
from bodhisattva.suites.meta.registry import mutants


def fails(name: str) -> bool:
    """Make it in a child of this process, which stays what it is."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            import_module(f"bodhisattva.suites.meta.mutants.{name}").mutate()
            code = 0
        except Exception:  # noqa: BLE001 - whatever it is, it is told
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] != 0


def main() -> int:
    broken = [mutant.name for mutant in mutants() if fails(mutant.name)]
    for name in broken:
        sys.stderr.write(f"{name} cannot be made any more\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
