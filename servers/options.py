"""Shared by the console's commands: the option for the configuration, and the answer to bad input."""

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
_PROGRAM = "bodhisattva"
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
    """Wrong usage of a command, in one line."""

    exit_code = BAD_INPUT

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"{_PROGRAM}: {self.format_message()}", file=file, err=True)


class InOneLine(click.Command):
    """A command or group that answers wrong usage, also of its commands, in one line."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with self._usage_in_one_line():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with self._usage_in_one_line():
            return super().invoke(ctx)

    @contextmanager
    def _usage_in_one_line(self) -> Iterator[None]:
        try:
            yield
        except NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            message = " ".join(error.format_message().split())
            path = error.ctx.command_path if error.ctx is not None else _PROGRAM
            raise BadUsage(f"{message} See `{path} --help`.") from error


def one_line(command: Callable[P, None]) -> Callable[P, None]:
    """Answer errors that a user can mend, a full disk among them, in one line with exit code 2."""

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
    """The system's message, with the file's name."""
    message = error.strerror or str(error)
    return f"{error.filename}: {message}" if error.filename else message


def _refuse(reason: str) -> None:
    click.echo(f"{_PROGRAM}: {reason}", err=True)
    sys.exit(BAD_INPUT)
