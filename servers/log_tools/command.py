"""`bodhisattva log …`. LOG is the name of a service, for its file in the configured state folder, or a file."""

import sqlite3
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click

from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.options import CONFIG, one_line

P = ParamSpec("P")
_DAMAGED = 1
_FORCE = click.option("--force", is_flag=True, help="Overwrite what stands there.")


def _guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Bad input, a full disk, a broken database: one line and exit code 2."""

    @wraps(command)
    def refusing(*args: P.args, **kwargs: P.kwargs) -> None:
        from bodhisattva.servers.core.log.base import LogError

        try:
            command(*args, **kwargs)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Refused(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from error
        except (sqlite3.Error, LogError) as error:
            raise Refused(" ".join(str(error).split())) from error

    return one_line(refusing)


@click.group()
def log() -> None:
    """Check, carry and keep the log of a service.

    LOG is a service's name, for its file in the configured state folder, or the file itself. What reads may be done
    while the service runs; what writes to LOG refuses a file in use.
    """


@log.command()
@click.argument("name", metavar="LOG")
@CONFIG
@_guarded
def verify(name: str, file: Path | None) -> None:
    """Say whether LOG is sound.

    Checked are the database, unbroken offsets on every channel, every row, and that the state can be rebuilt. Exit
    code 1, and a line for each problem, if something is wrong.
    """
    from bodhisattva.servers.log_tools import source, verify
    from bodhisattva.servers.log_tools.progress import Progress
    from bodhisattva.servers.registry import services

    path = _path(name, file)
    found = 0
    with source.reading(path) as read:
        service = services().get(read.service)
        for problem in verify.problems(read, service, Progress("verify", "events")):
            found += 1
            click.echo(problem)
        if not found:
            what = f"{read.service}, format {read.version}, {read.count()} events, epoch {read.epoch}"
            unjudged = f"; its state is not judged, since this release has no service {read.service}"
            click.echo(f"{path} is sound: {what}{'' if service else unjudged}")
    sys.exit(_DAMAGED if found else 0)


@log.command()
@click.argument("name", metavar="LOG")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File to write; default standard output.")
@_FORCE
@CONFIG
@_guarded
def export(name: str, output: Path | None, force: bool, file: Path | None) -> None:
    """Write LOG as JSON lines for `import`.

    They hold all that makes the same log again. The first says what it is, the last how many there are.
    """
    from bodhisattva.servers.log_tools import exporting

    rows = exporting.export_log(_path(name, file), output, force=force)
    if output is not None:
        click.echo(f"{output}: {rows} rows")


@log.command("import")
@click.argument("lines", type=click.Path(path_type=Path, allow_dash=True))
@click.argument("name", metavar="LOG")
@_FORCE
@CONFIG
@_guarded
def import_(lines: Path, name: str, force: bool, file: Path | None) -> None:
    """Make LOG of the JSON LINES of an `export`.

    `-` reads standard input. It is the same log: epoch, offsets, answers to retries, positions in other services.
    """
    from bodhisattva.servers.log_tools import importing
    from bodhisattva.servers.registry import services

    path = _path(name, file)
    rows = importing.import_file(lines, path, services(), force=force)
    click.echo(f"{path}: {rows} rows")


@log.command()
@click.argument("name", metavar="LOG")
@click.option("--events", type=click.IntRange(1), help="Keep so many; default the configured retention.")
@click.option("--bytes", "size", type=click.IntRange(1), help="Keep so many bytes of their data.")
@click.option("--age", type=click.FloatRange(0, min_open=True), help="Keep what is so many seconds old.")
@CONFIG
@_guarded
def compact(name: str, events: int | None, size: int | None, age: float | None, file: Path | None) -> None:
    """Make LOG as small as its retention allows.

    What it does not keep is removed, and the room is given back to the disk.
    """
    from bodhisattva.servers.core import config as configuration
    from bodhisattva.servers.log_tools import compact

    path = _path(name, file)
    done = compact.compact_file(path, lambda service: configuration.load(service, file), events, size, age)
    click.echo(f"{path}: {done.removed} events removed, {done.before} bytes before, {done.after} after")


@log.command()
@click.argument("name", metavar="LOG")
@click.argument("target", type=click.Path(path_type=Path))
@_FORCE
@CONFIG
@_guarded
def backup(name: str, target: Path, force: bool, file: Path | None) -> None:
    """Copy LOG as it is now to TARGET; its service may run."""
    from bodhisattva.servers.log_tools import copies

    click.echo(f"{target}: up to event {copies.backup(_path(name, file), target, force=force)}")


@log.command()
@click.argument("saved", metavar="BACKUP", type=click.Path(path_type=Path))
@click.argument("name", metavar="LOG")
@click.option("--same-epoch", is_flag=True, help="Nothing was written since the backup, so clients may resume.")
@_FORCE
@CONFIG
@_guarded
def restore(saved: Path, name: str, same_epoch: bool, force: bool, file: Path | None) -> None:
    """Put BACKUP in the place of LOG, whose service is stopped.

    The log gets a new epoch, so that no client takes events that are numbered anew for those that were lost.
    """
    from bodhisattva.servers.log_tools import copies
    from bodhisattva.servers.registry import services

    path = _path(name, file)
    newest = copies.restore(saved, path, services(), force=force, same_epoch=same_epoch)
    click.echo(f"{path}: up to event {newest}")


def _path(name: str, file: Path | None) -> Path:
    """The file that LOG means."""
    from bodhisattva.servers.core import config as configuration
    from bodhisattva.servers.core.server import log_file
    from bodhisattva.servers.registry import services

    return log_file(name, configuration.load(name, file)) if name in services() else Path(name)
