"""`bodhisattva log …`. LOG is the name of a service, whose configuration gives the log's place, or a file."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import click

from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.options import CONFIG, in_words, one_line

if TYPE_CHECKING:
    from bodhisattva.servers.log_tools.redis_source import RedisSource

P = ParamSpec("P")
_DAMAGED = 1
_FORCE = click.option("--force", is_flag=True, help="Overwrite what stands there.")


def _guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Answer bad input, a full disk or a broken database in one line, with exit code 2."""

    @wraps(command)
    def refusing(*args: P.args, **kwargs: P.kwargs) -> None:
        from bodhisattva.servers.core.log.base import LogError

        try:
            command(*args, **kwargs)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Refused(in_words(error)) from error
        except (sqlite3.Error, LogError) as error:
            raise Refused(" ".join(str(error).split())) from error

    return one_line(refusing)


@click.group()
def log() -> None:
    """Check, move and back up the log of a service.

    LOG is a service's name or a file. A name stands for the log in the service's configuration: a file in the state
    folder, or a Redis. Commands that read may run while the service runs. Commands that write refuse a log in use.
    """


@log.command()
@click.argument("name", metavar="LOG")
@CONFIG
@_guarded
def verify(name: str, file: Path | None) -> None:
    """Check whether LOG is sound.

    It checks the database, the offsets of every channel, every row, and that the state can be rebuilt. It prints a
    line for each problem; with any, the exit code is 1.
    """
    from bodhisattva.servers.log_tools import source, verify
    from bodhisattva.servers.log_tools.progress import Progress
    from bodhisattva.servers.registry import services

    place = _place(name, file)
    elsewhere: list[str] = []
    with _exits_on_damage(), source.reading_apart(place, elsewhere) as read:
        service = services().get(read.service)
        found = 0
        for problem in chain(verify.problems(read, service, Progress("verify", "events")), elsewhere):
            found += 1
            click.echo(problem)
        if not found:
            what = f"{read.service}, format {read.version}, {read.count()} events, epoch {read.epoch}"
            unjudged = f"; its state is not judged, since this release has no service {read.service}"
            click.echo(f"{place} is sound: {what}{'' if service else unjudged}")
    sys.exit(_DAMAGED if found else 0)


@log.command()
@click.argument("name", metavar="LOG")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File to write; default standard output.")
@_FORCE
@CONFIG
@_guarded
def export(name: str, output: Path | None, force: bool, file: Path | None) -> None:
    """Write LOG as JSON lines for `import`.

    They have all that makes the same log again. The first line names the log, the last has the number of rows.
    """
    from bodhisattva.servers.log_tools import exporting

    rows = exporting.export_log(_place(name, file), output, force=force)
    if output is not None:
        click.echo(f"{output}: {rows} rows")


@log.command("import")
@click.argument("lines", type=click.Path(path_type=Path, allow_dash=True))
@click.argument("name", metavar="LOG")
@_FORCE
@CONFIG
@_guarded
def import_(lines: Path, name: str, force: bool, file: Path | None) -> None:
    """Make LOG from the JSON LINES of an `export`.

    `-` reads standard input. The log is the same: epoch, offsets, answers to retries, positions in other services.
    """
    from bodhisattva.servers.log_tools import importing
    from bodhisattva.servers.registry import services

    path = _place(name, file)
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

    It removes the events that retention does not keep, and frees the disk space. A damaged log is left unchanged.
    """
    from bodhisattva.servers.core import config as configuration
    from bodhisattva.servers.log_tools import compact

    place = _place(name, file)
    given = {key: value for key, value in (("events", events), ("bytes", size), ("age", age)) if value is not None}
    if isinstance(place, Path):
        done = compact.compact_file(place, lambda service: configuration.load(service, file), given)
    else:
        done = compact.Compacted(*place.shorten(given))
    click.echo(f"{place}: {done.removed} events removed, {done.before} bytes before, {done.after} after")


@log.command()
@click.argument("name", metavar="LOG")
@click.argument("target", type=click.Path(path_type=Path, allow_dash=True))
@_FORCE
@CONFIG
@_guarded
def backup(name: str, target: Path, force: bool, file: Path | None) -> None:
    """Copy LOG as it is now to TARGET; its service may run.

    `-` writes to standard output, so that the copy can leave a container or belong to another user.
    """
    from bodhisattva.servers.log_tools import copies, streams

    if streams.is_stream(target):
        newest = streams.backup(_place(name, file))
        click.echo(f"standard output: up to event {newest}", err=True)
    else:
        click.echo(f"{target}: up to event {copies.backup(_place(name, file), target, force=force)}")


@log.command()
@click.argument("saved", metavar="BACKUP", type=click.Path(path_type=Path, allow_dash=True))
@click.argument("name", metavar="LOG")
@click.option("--same-epoch", is_flag=True, help="Nothing was written since the backup, so clients may resume.")
@_FORCE
@CONFIG
@_guarded
def restore(saved: Path, name: str, same_epoch: bool, force: bool, file: Path | None) -> None:
    """Replace LOG, whose service is stopped, by BACKUP.

    `-` reads the backup from standard input. The log gets a new epoch, since offsets after the backup are given again.
    """
    from bodhisattva.servers.log_tools import copies, streams
    from bodhisattva.servers.registry import services

    path = _place(name, file)
    with streams.given(saved) as found:
        newest = copies.restore(found, path, services(), force=force, same_epoch=same_epoch)
    click.echo(f"{path}: up to event {newest}")


@contextmanager
def _exits_on_damage() -> Iterator[None]:
    from bodhisattva.servers.core.log.base import LogUnsound

    try:
        yield
    except LogUnsound as unsound:
        click.echo(str(unsound))
        sys.exit(_DAMAGED)


def _place(name: str, file: Path | None) -> "Path | RedisSource":
    """The log's file, or its place in a Redis."""
    from bodhisattva.servers.core import config as configuration
    from bodhisattva.servers.core.composition import log_file
    from bodhisattva.servers.registry import services

    service = services().get(name)
    if service is None:
        return Path(name)
    config = configuration.load(name, file)
    if config.log.kind != "redis":
        return log_file(name, config)
    try:
        from bodhisattva.servers.log_tools.redis_source import RedisSource
    except ModuleNotFoundError as missing:
        raise Refused(f"{missing.name} is missing; install 'bodhisattva-conformance[redis]'") from None
    return RedisSource(service, config)
