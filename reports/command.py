"""`bodhisattva report`: build the pages of a run and say what they say."""

import sys
from pathlib import Path

import click

from bodhisattva.reports.build import build
from bodhisattva.reports.errors import ReportError


@click.command()
@click.argument("out", default="out/conformance", type=click.Path(path_type=Path))
def report(out: Path) -> None:
    """Build the conformance report and its pages from the results in OUT (default out/conformance).

    Exit code: 0 passed, 1 failed, 3 partial or empty, 2 nothing to report on.
    """
    try:
        summary = build(out)
    except ReportError as error:
        click.echo(f"bodhisattva: {error}", err=True)
        sys.exit(2)
    click.echo("\n".join(summary.lines))
    sys.exit(summary.exit_code)
