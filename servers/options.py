"""What the console's commands share: the option for the configuration, and how bad input is answered."""

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import IO, Any, ParamSpec

import click
from click.exceptions import NoArgsIsHelpError

from bodhisattva.servers.core.errors import Refused

P = ParamSpec("P")
BAD_INPUT = 2
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
CONFIG = click.option(
    "--config",
    "-c",
    "file",
    type=click.Path(path_type=Path),
    envvar="BODHISATTVA_CONFIG",
    help="YAML file with settings; see `bodhisattva config`.",
)


class BadUsage(click.ClickException):
    """What a command does not take, in one line."""

    exit_code = BAD_INPUT

    def __init__(self, message: str, who: str) -> None:
        super().__init__(message)
        self._who = who

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"{self._who}: {self.format_message()}", file=file, err=True)


class InOneLine(click.Command):
    """A command (or group) that answers wrong usage, its commands' too, in one line. who: speaks."""

    who = "bodhisattva"

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with self._said():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with self._said():
            return super().invoke(ctx)

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            said = " ".join(error.format_message().split())
            path = error.ctx.command_path if error.ctx is not None else self.who
            raise BadUsage(f"{said} See `{path} --help`.", self.who) from error


def one_line(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors that a user can mend, a full disk among them, into one line and exit code 2."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except Refused as error:
            _refuse(str(error))
        except OSError as error:
            if error.errno not in _FULL:
                raise
            _refuse(in_words(error))

    return guarded


def in_words(error: OSError) -> str:
    """What the system says, and of which file."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}" if error.filename else said


def _refuse(why: str) -> None:
    click.echo(f"bodhisattva: {why}", err=True)
    sys.exit(BAD_INPUT)
