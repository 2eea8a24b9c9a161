"""`python -m bodhisattva.suites.originals`: judge the published services by the profile core, and print the matrix."""

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import click
import msgspec
import yaml

from bodhisattva.fixtures.isolation import isolated
from bodhisattva.fixtures.supervision import INTERRUPTED, run_supervised
from bodhisattva.fixtures.tokens import new_secret
from bodhisattva.reports.build import build_run
from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.originals import ORIGINALS_FILE, Judged, lines, verdict
from bodhisattva.suites.catalogue.loader import load
from bodhisattva.suites.command import pytest_command
from bodhisattva.suites.originals.adapters import TRIGGER
from bodhisattva.suites.originals.original import Original, read
from bodhisattva.suites.originals.running import DidNotStart, Running

SUITES = Path(__file__).resolve().parents[1]
CORE = "core"
_BAD_INPUT = 2
_REFUSALS = (_BAD_INPUT, 4)


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]})
@click.option("--out", default="out/originals", show_default=True, type=click.Path(path_type=Path))
@click.option("--versions", default="ci/originals.txt", show_default=True, type=click.Path(path_type=Path, exists=True))
@click.option("--environments", default=".tools/originals", show_default=True, type=click.Path(path_type=Path))
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def originals(out: Path, versions: Path, environments: Path, pytest_arguments: tuple[str, ...]) -> None:
    """Judge each published service by core. Further arguments go to pytest: `-n 2`, `-k correlat`.

    Exit code: 0 every original was judged, whatever the verdict; 3 some were not; 2 none can be; 130 interrupted.
    """
    out = out.resolve()
    try:
        found = read(versions, environments.resolve())
    except ValueError as error:
        _refuse(str(error))
    with ExitStack() as stack:
        secret = new_secret()
        running, reasons = _started(found, out, secret, stack)
        if not running:
            _refuse(f"no original can be judged: {'; '.join(reasons.values())}")
        target = _target(running, out, secret)
        code, began = run_supervised(pytest_command(_core(), target, out, pytest_arguments), out, isolated(os.environ))
    if code == INTERRUPTED:
        sys.exit(INTERRUPTED)
    if code in _REFUSALS or not began:
        _refuse(f"nothing was judged: pytest ended with exit code {code}")
    _report(out, found, reasons)


def _started(
    found: list[Original], out: Path, secret: str, stack: ExitStack
) -> tuple[dict[str, Running], dict[str, str]]:
    """The originals that accept connections, and why the others do not."""
    reasons = {original.service: original.why_not() for original in found}
    started = {
        original.service: stack.enter_context(Running(original, out / "services" / original.service, secret))
        for original in found
        if not reasons[original.service]
    }
    for service, process in started.items():
        try:
            process.wait()
        except DidNotStart as error:
            reasons[service] = str(error)
    return {name: process for name, process in started.items() if not reasons[name]}, reasons


def _target(running: dict[str, Running], out: Path, secret: str) -> Path:
    """The target file: it declares how the originals are reached, and nothing of what they do."""
    folder = out / "services"
    (folder / "secret").write_text(secret, encoding="utf-8")
    target = folder / "target.yaml"
    document = {
        "name": "the published originals",
        "credentials": {"secret_file": "secret", "usual": ["read", "write"]},
        "correlation": "both",
        "triggers": TRIGGER,
        "samples": str(Path(__file__).resolve().parent / "samples"),
        "services": {
            name: {"url": process.url, "ready": "port", "features": ["auth"]} for name, process in running.items()
        },
        "allow": ["write"],
    }
    target.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return target


def _core() -> list[str]:
    """The tests of the clauses that any server of the protocol has to keep."""
    entries = load(SUITES).entries.values()
    return [
        str(SUITES.parent / entry.test)
        for entry in entries
        if entry.test and entry.per_service and entry.clause.profile == CORE and not entry.clause.services
    ]


def _report(out: Path, found: list[Original], reasons: dict[str, str]) -> None:
    judged = {each.service: Judged(each.package, each.version, reasons[each.service]) for each in found}
    (out / ORIGINALS_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(judged), indent=2) + b"\n")
    try:
        build_run(out)
        click.echo("\n".join(lines(out)))
    except (ReportError, OSError) as error:
        _refuse(str(error))
    sys.exit(verdict(out))


def _refuse(reason: str) -> NoReturn:
    click.echo(f"originals: {reason}", err=True)
    sys.exit(_BAD_INPUT)


if __name__ == "__main__":
    originals()
