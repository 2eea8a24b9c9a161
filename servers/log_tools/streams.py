"""Backups by standard input and output, to cross a container's border or to reach another user."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.log_tools import copies
from bodhisattva.servers.log_tools.source import Elsewhere


def is_stream(path: Path) -> bool:
    return str(path) == "-"


def backup(place: Path | Elsewhere) -> int:
    """Write a backup of the log to standard output; return the number of its newest event."""
    if sys.stdout.isatty():
        raise Refused("standard output is a terminal; send the backup to a file with >")
    with TemporaryDirectory(prefix="bodhisattva-") as folder:
        saved = Path(folder) / "backup"
        newest = copies.backup(place, saved, force=False)
        with saved.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return newest


@contextmanager
def given(saved: Path) -> Iterator[Path]:
    """The file `saved`; for `-`, a file with the content of standard input."""
    if not is_stream(saved):
        yield saved
        return
    if sys.stdin.isatty():
        raise Refused("standard input is a terminal; give it a backup with <")
    with TemporaryDirectory(prefix="bodhisattva-") as folder:
        path = Path(folder) / "standard-input"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        if not path.stat().st_size:
            raise Refused("standard input is empty; give it a backup with <")
        yield path
