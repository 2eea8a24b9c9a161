"""Puts each mutant in place once and judges none: `python -m bodhisattva.suites.meta.inject_all`.

It names the mutants that cannot be put in place: the code that they reach for has moved. That takes seconds, since this
process imports all that they reach for, and each is put in place in a child of it.
"""

import os
import sys
import traceback

from bodhisattva.suites.meta.mutate import module_of, put_in_place
from bodhisattva.suites.meta.registry import Mutant, mutants


def fails(mutant: Mutant) -> bool:
    """Put it in place in a child of this process, which stays right."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            put_in_place(mutant)
            code = 0
        except Exception:  # noqa: BLE001 - whatever it is, it is printed
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] != 0


def main() -> int:
    everything = mutants()
    for mutant in everything:
        module_of(mutant)
    broken = [mutant.name for mutant in everything if fails(mutant)]
    for name in broken:
        sys.stderr.write(f"{name} cannot be put in place\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
