"""`bodhisattva check`: the conformance suite against a deployment that somebody else runs."""

import subprocess
import sys
from pathlib import Path

import click

from bodhisattva.reports.build import build
from bodhisattva.reports.errors import ReportError

_SUITES = Path(__file__).parent
_APART = ("meta", "interop")
_BAD_INPUT = 2


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--out", default="out/check", show_default=True, type=click.Path(path_type=Path))
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def check(target: Path, out: Path, pytest_arguments: tuple[str, ...]) -> None:
    """Judge the deployment that the file TARGET describes, clause by clause, over its sockets only.

    Further arguments go to pytest: `-k auth`, `--services akosha,dhruva`, `-n 2`.

    Exit code: 0 passed, 1 failed, 3 partial or empty, 2 a target that cannot be used.
    """
    apart = [f"--ignore={_SUITES / folder}" for folder in _APART]
    judging = subprocess.run(  # noqa: S603 - the arguments are the caller's own
        [
            *(sys.executable, "-m", "pytest", str(_SUITES), *apart),
            *("--rootdir", str(_SUITES), "-p", "no:cacheprovider"),
            *("--stack", "external", "--target", str(target), "--out", str(out)),
            *pytest_arguments,
        ],
        check=False,
    )
    if judging.returncode == _BAD_INPUT:
        sys.exit(_BAD_INPUT)
    try:
        summary = build(out)
    except ReportError as error:
        click.echo(f"bodhisattva: {error}", err=True)
        sys.exit(_BAD_INPUT)
    click.echo("\n".join(summary.lines))
    sys.exit(summary.exit_code)
