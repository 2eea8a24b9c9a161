"""`bodhisattva report`: the console command over `build`."""

import sys
from pathlib import Path

import click

from bodhisattva.reports.build import build
from bodhisattva.reports.errors import ReportError

BAD_INPUT = 2


@click.command()
@click.argument("out", default="out/conformance", type=click.Path(path_type=Path))
def report(out: Path) -> None:
    """Build the reports of the runs in the folder OUT (default: out/conformance) and tell their verdict.

    A run of the suite becomes conformance.json, matrix.html and badge.svg; chaos experiments become chaos.html,
    their timelines and Allure results. The folder of a run is as good as the one that holds both kinds.

    Exit code: 0 passed, 1 failed, 3 partial, empty or unknown, 2 nothing that can be reported on.
    """
    try:
        summary = build(out)
    except ReportError as error:
        click.echo(f"bodhisattva: {error}", err=True)
        sys.exit(BAD_INPUT)
    click.echo("\n".join(summary.lines))
    sys.exit(summary.exit_code)
