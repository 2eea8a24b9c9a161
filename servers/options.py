"""What the console's commands share: the option for the configuration, and how bad input is answered."""

import errno
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click

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
