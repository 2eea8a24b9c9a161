"""`bodhisattva report`, `bodhisattva merge` and `bodhisattva gate`: the console commands over `build`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click

from bodhisattva.reports import merge as merging
from bodhisattva.reports.build import build, worst
from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.parts import join

BAD_INPUT = 2
FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("out", default="out/conformance", type=FOLDER)
def report(out: Path) -> None:
    """Build the report of a run, and print its verdict.

    OUT is the folder that the run wrote, by default out/conformance. A run of the suite becomes conformance.json,
    matrix.html and badge.svg; chaos experiments become chaos.html, their timelines and Allure results. The folder of
    a run is as good as the one that holds both kinds.

    Exit code: 0 passed, 1 failed, 3 partial, empty or unknown, 2 nothing that can be reported on.
    """
    _conclude(out)


@click.command()
@click.argument("into", type=FOLDER)
@click.argument("parts", nargs=-1, required=True, type=FOLDER)
def merge(into: Path, parts: tuple[Path, ...]) -> None:
    """Make one run of several that judged parts.

    It is written to the folder INTO and reported on. PARTS are folders of runs against the same implementation on
    the same kind of stack, such as the jobs of a build leave behind.

    Exit code: as `bodhisattva report`; 2 also where the parts do not belong together.
    """
    with _in_one_line():
        merging.merge(list(parts), into)
    _conclude(into)


@click.command()
@click.argument("into", type=FOLDER)
@click.argument("parts", nargs=-1, required=True, type=FOLDER)
def gate(into: Path, parts: tuple[Path, ...]) -> None:
    """Pass only if the parts of a build are a whole that passed.

    PARTS are folders of runs, each of a part of the suite with one kind of log. Those of each kind are merged into a
    folder of INTO and reported on. Every category has to be judged with every kind of log, by one part.

    Exit code: 0 passed with each kind of log, 1 failed, 3 partial or empty, 2 a part is missing or does not belong.
    """
    with _in_one_line():
        joined = join(parts, into)
        for summary in joined.summaries:
            click.echo("\n".join(summary.lines))
    for problem in joined.problems:
        click.echo(f"bodhisattva: {problem}", err=True)
    sys.exit(BAD_INPUT if joined.problems else worst([summary.exit_code for summary in joined.summaries]))


def _conclude(out: Path) -> NoReturn:
    with _in_one_line():
        summary = build(out)
        click.echo("\n".join(summary.lines))
    sys.exit(summary.exit_code)


@contextmanager
def _in_one_line() -> Iterator[None]:
    """What cannot be reported on, and where nothing can be written, a full disk among it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (ReportError, OSError) as error:
        click.echo(f"bodhisattva: {_in_words(error)}", err=True)
        sys.exit(BAD_INPUT)


def _in_words(error: ReportError | OSError) -> str:
    if isinstance(error, ReportError):
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
