"""The console command on a chosen event loop: `python -m bodhisattva.chaos.bench.serve LOOP serve SERVICE …`.

LOOP: `asyncio`, with uvloop hidden where it is installed, or `uvloop`.
"""

import asyncio
import runpy
import sys


def choose(loop: str) -> None:
    if loop == "uvloop":
        import uvloop  # pyright: ignore[reportMissingImports]

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    else:
        sys.modules["uvloop"] = None  # type: ignore[assignment] # an import fails, as if it were not there


if __name__ == "__main__":
    choose(sys.argv.pop(1))
    runpy.run_module("bodhisattva.servers.cli", run_name="__main__")
