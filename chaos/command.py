"""How the commands of chaos report bad input: in one line, with exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click
from click.exceptions import NoArgsIsHelpError

BAD_INPUT = 2


class BadInput(click.ClickException):
    """Something that cannot be done. prefix: of the line."""

    exit_code = BAD_INPUT

    def __init__(self, message: str, prefix: str = "Error") -> None:
        super().__init__(message)
        self._prefix = prefix

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"{self._prefix}: {self.format_message()}", file=file, err=True)


class OneLineCommand(click.Command):
    """A command (or group) that reports wrong usage, also of its subcommands, as BadInput."""

    prefix = "Error"

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with self._one_line():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with self._one_line():
            return super().invoke(ctx)

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        try:
            yield
        except NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            reason = " ".join(error.format_message().split())
            where = f" See `{error.ctx.command_path} --help`." if error.ctx is not None else ""
            raise BadInput(reason + where, self.prefix) from error


class OneLineGroup(OneLineCommand, click.Group):
    """Of commands."""
