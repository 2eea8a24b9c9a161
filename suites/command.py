"""`bodhisattva check`: the conformance suite against a deployment that somebody else runs."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from bodhisattva.fixtures.isolation import PLUGINS, foreign, ignored, isolated
from bodhisattva.fixtures.profiles import UnknownProfile, chosen
from bodhisattva.fixtures.supervision import INTERRUPTED, run_supervised
from bodhisattva.reports.build import build_run
from bodhisattva.reports.errors import ReportError
from bodhisattva.suites.catalogue.loader import load_profiles

_SUITES = Path(__file__).resolve().parent
_APART = ("meta", "interop")
_BAD_INPUT = 2
_NOTHING_RUN = 5  # pytest's
_REFUSALS = (_BAD_INPUT, 4)  # pytest's, which has printed the reason: requested to exit; wrong usage

# A target is judged from wherever its owner stands: no configuration of pytest that lies there may count, and the
# project's own is not there once it is installed. What pyproject.toml sets is repeated here; a test compares both.
SETTINGS = {
    "xfail_strict": "true",
    "filterwarnings": "error",
    "asyncio_mode": "auto",
    "asyncio_default_fixture_loop_scope": "session",
    "asyncio_default_test_loop_scope": "session",
    "timeout": "60",
}
OPTIONS = ("--import-mode=importlib", "--strict-markers", "--strict-config", "-ra")


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]})
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--out", default="out/check", show_default=True, type=click.Path(path_type=Path), help="Where the report goes."
)
@click.option("--plan", is_flag=True, help="Print what would be done to the target and judged there, and do nothing.")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="A,B",
    callback=lambda _context, _option, words: _chosen(words),
    help="Judge these profiles only, and end by them; may be given more than once.",
)
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def check(target: Path, out: Path, plan: bool, profiles: tuple[str, ...], pytest_arguments: tuple[str, ...]) -> None:
    """Judge a fleet that somebody else runs.

    The file TARGET has the services' URLs, the source of tokens, and what may be done besides reading.
    It is judged clause by clause, over its sockets only. Further arguments go to pytest: `-k auth`,
    `--services akosha,dhruva`, `-n 2`.

    With --profile the verdict is on a claim: 0 means that the services conform to these profiles. The report ends with
    what to do first; `bodhisattva explain CLAUSE` has more on each.

    Exit code: 0 passed, 1 failed, 3 partial or empty, 2 a target that cannot be used or nothing judged,
    130 interrupted.
    """
    if names := foreign(os.environ):
        click.echo(f"bodhisattva: {ignored(names)}", err=True)
    apart = [f"--ignore={_SUITES / folder}" for folder in _APART]
    planning = ("--plan", "-qq", "--no-header", "--disable-warnings") if plan else ()
    claiming = ("--profile", ",".join(profiles)) if profiles else ()
    arguments = (*planning, *claiming, *pytest_arguments)
    command = pytest_command([str(_SUITES), *apart], target, out, arguments)
    code, began = run_supervised(command, out, isolated(os.environ))
    if plan:
        sys.exit(0 if code in (0, _NOTHING_RUN) else _BAD_INPUT)
    if began:
        _report(out, code)
    if code in (*_REFUSALS, INTERRUPTED):
        sys.exit(INTERRUPTED if code == INTERRUPTED else _BAD_INPUT)
    if code == 0:
        refuse("nothing was judged: the clauses were only listed, or help was printed")
    refuse(f"nothing was judged: pytest ended with exit code {code} before the run began")


def _chosen(words: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return chosen(",".join(words), load_profiles()) if words else ()
    except UnknownProfile as error:
        refuse(str(error))


def pytest_command(judges: Sequence[str], target: Path, out: Path, arguments: Sequence[str]) -> list[str]:
    """The command that judges a target by these tests or folders of tests, and writes to the folder `out`."""
    settings = [word for name, value in SETTINGS.items() for word in ("-o", f"{name}={value}")]
    return [
        *(sys.executable, "-m", "pytest", *judges),
        *("-c", os.devnull, "--rootdir", str(_SUITES), "--confcutdir", str(_SUITES)),
        *(*PLUGINS, "-p", "no:cacheprovider", *settings, *OPTIONS),
        *("--stack", "external", "--target", str(target), "--out", str(out)),
        *arguments,
    ]


def _report(out: Path, code: int) -> NoReturn:
    """What was judged, of a run that was broken off too, whose exit code is its own."""
    try:
        summary = build_run(out)
    except (ReportError, OSError) as error:
        refuse(str(error))
    click.echo("\n".join(summary.lines))
    sys.exit({_BAD_INPUT: _BAD_INPUT, INTERRUPTED: INTERRUPTED}.get(code, summary.exit_code))


def refuse(reason: str) -> NoReturn:
    click.echo(f"bodhisattva: {reason}", err=True)
    sys.exit(_BAD_INPUT)
