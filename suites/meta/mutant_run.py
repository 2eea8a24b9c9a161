"""One run of pytest over a selection of clauses, on the process stack, against a mutant or the real server."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bodhisattva.fixtures.clock import VARIABLE
from bodhisattva.suites.meta.marks import Marks
from bodhisattva.suites.meta.registry import Mutant
from bodhisattva.suites.meta.selection import Selection

CHECKOUT = Path(__file__).resolve().parents[2]
BOUND = 540.0  # seconds for a whole run; each of its tests has a bound of its own
_FAREWELL = 30.0


@dataclass(frozen=True)
class Result:
    """How one clause came out for one service (or the fleet)."""

    clause: str
    service: str
    outcome: str
    reason: str

    def __str__(self) -> str:
        return f"{self.clause} on {self.service} {self.outcome}: {self.reason}"


@dataclass(frozen=True)
class MutantRun:
    """How each clause came out, which places of the mutant were reached, and how long it took in seconds."""

    results: tuple[Result, ...]
    seconds: float
    marks: Marks

    def of(self, clause: str) -> list[Result]:
        return [result for result in self.results if result.clause == clause]

    @property
    def not_passed(self) -> list[Result]:
        return [result for result in self.results if result.outcome != "passed"]


def mutant_run(selection: Selection, out: Path, launcher: str | None = None) -> MutantRun:
    """Judge a server by a selection; what the run wrote and printed stays in `out`.

    launcher: as `launcher_of` gives it, with the marks in `marks_of(out)`; None for the real server.
    """
    begun = time.monotonic()
    run_suite(out, *selection.arguments, *(("--launcher", launcher) if launcher else ()))
    return MutantRun(tuple(_results(out, selection)), time.monotonic() - begun, marks_of(out))


def marks_of(out: Path) -> Marks:
    """Where a run with this `out` keeps which places were reached."""
    return Marks(out.absolute() / "marks")


def launcher_of(mutant: Mutant, marks: Marks | None = None) -> str:
    """What stands in front of `serve SERVICE` instead of the project's own command."""
    command = [sys.executable, "-m", "bodhisattva.suites.meta.mutate", mutant.name]
    return shlex.join([*command, "--marks", str(marks.folder)] if marks else command)


def run_suite(out: Path, *arguments: str, stack: str = "process") -> int:
    """Pytest's exit code for a run on a kind of stack; what it printed is in `out/output.txt`."""
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", "--stack", stack, "--out", str(out), "-p", "no:cacheprovider"]
    with (out / "output.txt").open("wb") as output:
        return _run([*command, *arguments], output)


def _run(command: list[str], output: BinaryIO) -> int:
    """Run to the end. A run that is broken off gets SIGINT, so that it takes its services down."""
    environment = {VARIABLE: "1"}  # a mutant's delays are not stretched, and no bound around them is
    environment |= {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with subprocess.Popen(  # noqa: S603 - the command is our own
        command,
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        preexec_fn=_accept_interrupts,
    ) as process:
        try:
            return process.wait(BOUND)
        except BaseException:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_FAREWELL)
            process.kill()
            raise


def _accept_interrupts() -> None:
    """Workers of xdist ignore SIGINT, and what they start would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _results(out: Path, selection: Selection) -> list[Result]:
    """The selection's part of results.jsonl, which has a line for every clause of the catalogue and its subjects."""
    lines = (out / "results.jsonl").read_text(encoding="utf-8").splitlines()
    rows = {(row["clause"], row["service"]): row for row in map(json.loads, lines)}
    return [
        Result(clause, subject, row["outcome"], f"{row['reason']}\n{row.get('raw', '')}".strip())
        for clause, subject in selection.subjects.items()
        if (row := rows.get((clause, subject), {"outcome": "missing", "reason": "no result"}))
    ]
