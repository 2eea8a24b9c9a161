"""What the console's commands share: the option for the configuration, and how bad input is answered."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click

from bodhisattva.servers.core.errors import Refused

P = ParamSpec("P")
BAD_INPUT = 2
CONFIG = click.option(
    "--config",
    "-c",
    "file",
    type=click.Path(path_type=Path),
    envvar="BODHISATTVA_CONFIG",
    help="YAML file with settings; see `bodhisattva config`.",
)


def one_line(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors that a user can mend into one line and exit code 2."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except Refused as error:
            click.echo(f"bodhisattva: {error}", err=True)
            sys.exit(BAD_INPUT)

    return guarded
