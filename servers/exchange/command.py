"""`bodhisattva import-…` and `export-…`: one file, one service."""

import codecs
import json
import re
import sys
from collections.abc import Callable
from functools import wraps
from math import isfinite
from pathlib import Path
from shutil import copymode
from typing import TYPE_CHECKING, Any

import click

from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.options import one_line

if TYPE_CHECKING:
    from bodhisattva.servers.exchange.asking import Place, Request

_GATE_FAILED = 1
_FILE = click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
_PROJECT = click.option("--project", required=True, help="The project that was measured.")
_GATE = click.option(
    "--gate", "gates", multiple=True, metavar="NAME=PERCENT", help="Check a gate afterwards; may be repeated."
)


def _service(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say where the service is, handed on as one `place`."""

    @click.option("--url", required=True, envvar="BODHISATTVA_URL", help="Of the service: ws://HOST:PORT/ws or wss://…")
    @click.option("--token", envvar="BODHISATTVA_TOKEN", help="Better in the environment: BODHISATTVA_TOKEN.")
    @click.option("--ca", type=click.Path(path_type=Path), help="PEM file of who signed the service's certificate.")
    @wraps(command)
    def with_place(*args: Any, url: str, token: str | None, ca: Path | None, **options: Any) -> None:
        from bodhisattva.servers.exchange.asking import Place

        command(*args, place=Place(url, token, ca), **options)

    return one_line(with_place)


@click.command()
@_FILE
@_PROJECT
@click.option("--suite", "test_suite", help="Name of the test suite; default the file's own.")
@click.option("--run-id", help="Id of the run; default a fresh one.")
@_GATE
@_service
def import_junit(file: Path, project: str, gates: tuple[str, ...], place: "Place", **named: str | None) -> None:
    """Bring FILE, a JUnit XML report, into crackerjack.

    `-` reads standard input. Exit code 1 if a --gate, such as test_pass_rate=100, is failed.
    """
    report = {"project": project, "content": _xml(file), **{key: value for key, value in named.items() if value}}
    run, *checks = _ask(place, ("import_junit", report), *_checks(project, gates))
    said = "run {run_id}: {tests_passed} passed, {tests_failed} failed, {tests_skipped} skipped"
    click.echo(said.format_map(run))
    _conclude(checks)


@click.command()
@_FILE
@_PROJECT
@_GATE
@_service
def import_coverage(file: Path, project: str, gates: tuple[str, ...], place: "Place") -> None:
    """Bring FILE, a Cobertura coverage.xml, into crackerjack.

    `-` reads standard input. Exit code 1 if a --gate, such as line_coverage=80, is failed.
    """
    report = {"project": project, "content": _xml(file)}
    shares, *checks = _ask(place, ("import_coverage", report), *_checks(project, gates))
    branches = shares["branch_coverage"]
    click.echo(
        f"lines {shares['line_coverage']:.2f} %, branches {'not measured' if branches is None else f'{branches:.2f} %'}"
    )
    _conclude(checks)


@click.command()
@_FILE
@click.option("--diagram-id", help="A new diagram, or one to merge the file into; default a fresh id.")
@click.option("--name", help="Name of a new diagram; default the file's.")
@_service
def import_diagram(file: Path, diagram_id: str | None, name: str | None, place: "Place") -> None:
    """Bring FILE, an .excalidraw drawing, into excalidraw.

    `-` reads standard input. Into a diagram that exists its elements are merged as Excalidraw's clients would do it.
    """
    data = {"document": _json(file), "name": name or file.stem[:200]}
    (diagram,) = _ask(place, ("import_diagram", data | ({"diagram_id": diagram_id} if diagram_id else {})))
    click.echo(
        f"diagram {diagram['diagram_id']}: version {diagram['version']}, {len(diagram['accepted'])} elements taken"
    )


@click.command()
@click.argument("diagram_id")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File to write; default standard output.")
@_service
def export_diagram(diagram_id: str, output: Path | None, place: "Place") -> None:
    """Write a diagram as an .excalidraw file."""
    (answer,) = _ask(place, ("export_diagram", {"diagram_id": diagram_id}))
    text = json.dumps(answer["document"], indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        _write(output, text)
    except OSError as error:
        raise Refused(f"{output}: {error.strerror}") from error


def _ask(place: "Place", *requests: "Request") -> list[dict[str, Any]]:
    from bodhisattva.servers.exchange.asking import ask

    return ask(place, requests)


def _checks(project: str, gates: tuple[str, ...]) -> "list[Request]":
    requests: list[Request] = []
    for gate in gates:
        name, _, percent = gate.partition("=")
        try:
            threshold = float(percent)
        except ValueError:
            raise Refused(f"--gate {gate}: give it as NAME=PERCENT, such as line_coverage=80") from None
        requests.append(("check_quality_gate", {"project": project, "gate_name": name, "threshold": threshold}))
    return requests


def _conclude(checks: list[dict[str, Any]]) -> None:
    for check in checks:
        click.echo("gate {gate_name} {status}: {score:.2f} % of at least {threshold:.2f} %".format_map(check))
    if any(check["status"] != "passed" for check in checks):
        sys.exit(_GATE_FAILED)


def _write(output: Path, text: str) -> None:
    """What stands there stays until the new file is whole; a pipe or a device is written as it is."""
    from bodhisattva.servers.core.log import files

    if output.exists() and not output.is_file():
        output.write_text(text, encoding="utf-8")
        return
    target = output.resolve()
    with files.being_made(target, files.SHARED) as part:
        if target.exists():
            copymode(target, part)
        part.write_text(text, encoding="utf-8")


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}") from error


def _xml(file: Path) -> str:
    """The text of an XML file, by its own word about its encoding."""
    content = _read(file)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        told = re.match(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding=["']([A-Za-z0-9._-]+)["']""", content)
        encoding = told[1].decode() if told else "utf-8"
    try:
        return content.decode("utf-8-sig" if encoding.lower() == "utf-8" else encoding)
    except (LookupError, UnicodeError):
        raise Refused(f"{file}: this is no text in {encoding}") from None


def _json(file: Path) -> Any:
    try:
        return json.loads(_read(file), parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        raise Refused(f"{file}: this is no JSON, as an .excalidraw file is") from None


def _finite(text: str) -> float:
    """Python reads NaN and 1e999, which JSON cannot write again."""
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is no number of JSON")
    return number
