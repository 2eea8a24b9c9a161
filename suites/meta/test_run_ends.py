"""Each row of the guide's table of how a run ends is executed, on a service that is right."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from bodhisattva.fixtures.clock import VARIABLE, eventually_sync, units
from bodhisattva.fixtures.stack.process import ProcessStack
from bodhisattva.suites.meta.mutant_run import CHECKOUT

HEADING = "### How a run ends"
CHECK = (sys.executable, "-m", "bodhisattva.servers.cli", "check", "target.yaml", "--out", "out")
NOX = (sys.executable, "-m", "nox", "-f", str(CHECKOUT / "noxfile.py"), "--no-venv", "--no-install", "-s")
TWO = ("-k", "test_ids_are", "-n", "0")
FIRST_ATTEMPT_FAILS = """
import pytest
from _pytest.runner import runtestprotocol

@pytest.hookimpl
def pytest_runtest_protocol(item, nextitem):
    right, item.obj = item.obj, wrong
    runtestprotocol(item, nextitem=nextitem, log=False)
    item.obj = right
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        item.ihook.pytest_runtest_logreport(report=report)
    return True

async def wrong(**given):
    raise AssertionError("the service broke the clause")
"""
FAILS = FIRST_ATTEMPT_FAILS.replace("item.obj = right", "pass")


@dataclass
class Case:
    """arguments: of the command. wrong: what is done to it once it has judged something."""

    command: tuple[str, ...]
    environment: dict[str, str]
    disturb: Callable[[psutil.Process], None] | None = None


def case(*arguments: str, disturb: Callable[[psutil.Process], None] | None = None, **environment: str) -> Case:
    return Case((*CHECK, *arguments), environment, disturb)


def pytest_of(process: psutil.Process) -> psutil.Process:
    """The process that a command started to judge."""
    return next(one for one in process.children() if "pytest" in one.cmdline())


def worker_of(process: psutil.Process) -> psutil.Process:
    return next(one for one in pytest_of(process).children() if "readline" in " ".join(one.cmdline()))


LONG = ("-k", "test_malformed or test_channels or test_correlation", "-n", "1")
CASES = {
    "the clauses are only listed (`--co`)": case("--co"),
    "an option that nobody knows": case("--bogus"),
    "a target that is not ready": Case((*CHECK[:4], "absent.yaml", *CHECK[5:]), {}),
    "`PYTEST_ADDOPTS` and its like are set": case(*TWO, PYTEST_ADDOPTS="--co"),
    "a part is selected (`-k`, `-m`, `--deselect`, `--services`)": case(*TWO),
    "`-x` or `--maxfail` ends it": case(*TWO, "-p", "fails", "-x"),
    "a plugin repeats a failure": case(*TWO, "-p", "repeats"),
    "the harness's time limit ends a clause": case("-k", "test_ids_are", "-n", "0", "--timeout", "0.001"),
    "a worker is killed": case(*LONG, disturb=lambda one: worker_of(one).kill()),
    "pytest is killed": case(*LONG, disturb=lambda one: pytest_of(one).kill()),
    "Ctrl-C or SIGTERM": case(*LONG, disturb=lambda one: one.send_signal(signal.SIGINT)),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the target file of a service that runs."""
    folder = tmp_path_factory.mktemp("ends")
    stack = ProcessStack(folder)
    try:
        stack.start(["akosha"])
        (folder / "secret").write_text(stack.tokens.secret)
        (folder / "ca.pem").write_bytes(stack.authority.pem)
        (folder / "target.yaml").write_text(
            "credentials: {secret_file: secret}\nca: ca.pem\nallow: [write]\n"
            f"services: {{akosha: {{url: '{stack['akosha'].url}'}}}}\n"
        )
        (folder / "repeats.py").write_text(FIRST_ATTEMPT_FAILS)
        (folder / "fails.py").write_text(FAILS)
        yield folder
    finally:
        stack.close()


def rows() -> dict[str, tuple[str, int]]:
    """By case: what is printed, and the exit code."""
    guide = (CHECKOUT / "docs/guide.md").read_text(encoding="utf-8")
    table = guide.partition(HEADING)[2].partition("|---|---|---|\n")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    return {name: (printed.strip("`"), int(code)) for name, printed, code in cells}


def test_guide_has_a_row_for_each_case_and_no_other() -> None:
    assert list(rows()) == list(CASES)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", CASES)
def test_run_ends_as_the_guide_has_it(place: Path, name: str) -> None:
    printed, code = rows()[name]
    output, ended = run(place, CASES[name])
    assert printed in " ".join(output.split()), output
    assert ended == code, output
    assert "PASSED:" not in output


@pytest.mark.timeout(180)
def test_interrupted_task_reports_and_leaves_nothing(place: Path) -> None:
    """Ctrl-C to nox alone, as from a supervisor that has no terminal."""
    started: list[psutil.Process] = []

    def interrupt(task: psutil.Process) -> None:
        started.extend(task.children(recursive=True))
        task.send_signal(signal.SIGINT)

    output, code = run(place, task(place, interrupt))
    assert code == 130, output
    assert "the run ended with exit code 2: it was interrupted" in output
    _assert_gone(started)


@pytest.mark.timeout(180)
def test_killed_task_leaves_nothing(place: Path) -> None:
    started: list[psutil.Process] = []

    def kill(task: psutil.Process) -> None:
        started.extend(task.children(recursive=True))
        task.kill()

    run(place, task(place, kill))
    _assert_gone(started)


def task(place: Path, disturb: Callable[[psutil.Process], None]) -> Case:
    chosen = ("suites/auth/test_tokens.py", "--stack", "process", "--services", "akosha", "--out", str(place / "out"))
    return Case((*NOX, "conformance", "--", *chosen, "-n", "1"), {}, disturb)


def run(place: Path, case: Case) -> tuple[str, int]:
    """What it printed, and its exit code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    paths = os.pathsep.join([str(place), kept.get("PYTHONPATH", "")])
    results = place / "out" / "results.jsonl"
    results.unlink(missing_ok=True)
    process = subprocess.Popen(  # noqa: S603 - our own
        case.command,
        cwd=place,
        env={VARIABLE: "1"} | kept | {"PYTHONPATH": paths} | case.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_accept_interrupts,
    )
    try:
        if case.disturb is not None:
            eventually_sync(lambda: process.poll() is not None or _has_rows(results), "a first result", 60)
            case.disturb(psutil.Process(process.pid))
        output, _ = process.communicate(timeout=units(90))
    finally:
        process.kill()
        process.wait()
    return output, process.returncode


def _has_rows(results: Path) -> bool:
    return results.exists() and results.stat().st_size > 0


def _accept_interrupts() -> None:
    """Workers of xdist ignore SIGINT, and what they start would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _assert_gone(started: list[psutil.Process]) -> None:
    assert len(started) > 3, "a run, its worker, the process that services are forked off, and a service"
    _, left = psutil.wait_procs(started, timeout=units(20))
    for each in left:
        each.kill()
    assert not left
