"""The command line: run experiments, list them, judge a saved history again."""

import asyncio
import os
import resource
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from bodhisattva.chaos.command import BadInput, OneLineGroup
from bodhisattva.chaos.experiment import Experiment, experiment_named, experiments
from bodhisattva.chaos.history import HistoryError, read
from bodhisattva.chaos.judge import Report, judge
from bodhisattva.chaos.registry import UnknownName
from bodhisattva.chaos.runner import Run
from bodhisattva.chaos.soak import soak as soak_experiment
from bodhisattva.chaos.toxiproxy_server import require
from bodhisattva.chaos.verdict import Verdict, combine
from bodhisattva.fixtures.output_folder import disk_full_error, writable
from bodhisattva.fixtures.run_mark import RUN, mark
from bodhisattva.fixtures.stack.controls import StackError
from bodhisattva.fixtures.stack.kinds import EMBEDDED, LOGS
from bodhisattva.fixtures.stack.select import Choice, choose
from bodhisattva.fixtures.supervision import INTERRUPTED, Orphan, interrupt_on_sigterm, interrupt_with_parent

_SPARE_DESCRIPTORS = 500
EXIT_CODES = {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.UNKNOWN: 3}


def _handle_signals() -> None:
    """Handle SIGTERM as Ctrl-C, and end with the process that started this run."""
    interrupt_on_sigterm()
    try:
        interrupt_with_parent()
    except Orphan as error:
        raise BadInput(str(error)) from None


def _make_folder(out: Path) -> None:
    """The folder for results, before anything is begun."""
    try:
        with writable(out):
            pass
    except StackError as error:
        raise BadInput(str(error)) from None


@click.group(cls=OneLineGroup)
def main() -> None:
    """Inject faults into a running fleet and judge the history of its clients.

    Every verdict is valid, invalid or unknown: unknown where a fault did not bite or too little happened.
    """


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same faults.")
@click.option(
    "--stack",
    type=click.Choice(["auto", "process", "docker"]),
    default="auto",
    show_default=True,
    help="What the services run on; auto takes containers where an engine answers.",
)
@click.option(
    "--log",
    type=click.Choice(LOGS),
    default=EMBEDDED,
    show_default=True,
    help="Where the services keep their logs: each in a file of its own, or all in one Redis.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out/chaos"),
    show_default=True,
    help="Where each run leaves history, verdict and logs.",
)
@click.option("--list", "only_list", is_flag=True, help="Name the experiments and end.")
@click.option(
    "--replay",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Judge a saved history.jsonl again instead of running anything.",
)
def run(
    names: tuple[str, ...], seed: int, stack: str, log: str, out: Path, *, only_list: bool, replay: Path | None
) -> None:
    """Run the experiments called NAME, or all of them.

    Exit code: 0 all valid, 1 one was invalid, 3 none invalid but one unknown, 2 bad input.
    """
    with _one_line_errors(out):
        if only_list:
            _list()
        elif replay is not None:
            _replay(replay)
        else:
            _run([experiment_named(name) for name in names or experiments()], seed, _choose(stack, log), out)


@main.command()
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True, help="Of load.")
@click.option("--connections", type=click.IntRange(1), default=500, show_default=True, help="At all times.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same clients.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out/soak"), show_default=True)
@click.option("--tls", is_flag=True, help="Over TLS, whose buffers take a hundred times what a plain connection does.")
@click.option("--launcher", hidden=True, help="The command before `serve SERVICE`, for servers broken on purpose.")
def soak(minutes: float, connections: int, seed: int, out: Path, launcher: str | None, *, tls: bool) -> None:
    """Let clients connect and disconnect at one service, and check that it releases all that they used.

    Exit code: 0 nothing grew, 1 something did, 2 bad input, 3 the service was not put to the test.
    """
    _allow_descriptors(connections + _SPARE_DESCRIPTORS)
    experiment = soak_experiment(minutes, connections, tls=tls)
    with _one_line_errors(out):
        _run([experiment], seed, Choice("process", "requested"), out, launcher.split() if launcher else None)


@contextmanager
def _one_line_errors(out: Path) -> Iterator[None]:
    """What the user can mend as BadInput, an interruption in one line."""
    try:
        yield
    except (UnknownName, StackError, HistoryError) as error:
        raise BadInput(str(error)) from error
    except (OSError, ExceptionGroup) as error:
        full = disk_full_error(error)
        if full is None:
            raise
        raise BadInput(
            f"--out {out}: {full.strerror}; the run ended there, and its history until then is kept."
        ) from error
    except KeyboardInterrupt:
        click.echo("interrupted; the stack is taken down, and what happened until now is in the history", err=True)
        raise SystemExit(INTERRUPTED) from None


def _allow_descriptors(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise BadInput(f"{count} open files are needed and {hard} are allowed (ulimit -Hn); use fewer --connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def _list() -> None:
    for experiment in experiments().values():
        click.echo(f"{experiment.name:26} {experiment.purpose}")


def _replay(file: Path) -> None:
    report = judge(read(file))
    _show(report, file)
    _end([report])


def _choose(stack: str, log: str) -> Choice:
    choice = choose(stack, log=log)
    require(choice.kind)
    click.echo(f"stack {choice.kind}, log {choice.log}: {choice.reason}", err=True)
    return choice


def _run(chosen: list[Experiment], seed: int, choice: Choice, out: Path, launcher: Sequence[str] | None = None) -> None:
    _handle_signals()
    _make_folder(out)
    folders = {experiment.name: out / f"{experiment.name}-{seed}" for experiment in chosen}
    for folder in folders.values():  # before the first of them: no verdict of an earlier run stands beside a new one
        shutil.rmtree(folder, ignore_errors=True)
    mark(out, os.environ.get(RUN, ""))
    reports = []
    for experiment in chosen:
        folder = folders[experiment.name]

        def progress(line: str, name: str = experiment.name) -> None:
            click.echo(f"[{name}, seed {seed}] {line}", err=True)

        progress(experiment.purpose)
        report = asyncio.run(Run(experiment, seed, choice, folder, progress, launcher).run())
        _show(report, folder)
        reports.append(report)
    _end(reports)


def _show(report: Report, where: Path) -> None:
    took = f"{report.duration:.1f} s"
    click.echo(f"{report.experiment:26} seed {report.seed:<6} {report.verdict:8} {took:>7}  {where}")
    for line in _doubts(report):
        click.echo(f"    {line}")


def _doubts(report: Report) -> Iterator[str]:
    """Why the verdict is not valid; what follows from a run that was broken off is left out."""
    yield from report.problems
    for result in report.checkers:
        if result.verdict is Verdict.INVALID or not (report.problems or result.verdict is Verdict.VALID):
            yield f"{result.name}: {result.verdict}, {result.details}"
    for fault in () if report.problems else report.faults:
        if not fault.counts:
            yield f"{fault.name} on {fault.target} did not bite or was not healed: {fault.evidence}"


def _end(reports: list[Report]) -> None:
    raise SystemExit(EXIT_CODES[combine(report.verdict for report in reports)])
