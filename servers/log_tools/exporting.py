"""Writes a log as JSON lines."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bodhisattva.servers.core.log import files
from bodhisattva.servers.log_tools import lines
from bodhisattva.servers.log_tools.progress import Progress
from bodhisattva.servers.log_tools.source import Elsewhere, reading_apart
from bodhisattva.servers.log_tools.target import check_free


def export_log(path: Path | Elsewhere, output: Path | None, *, force: bool) -> int:
    """Write the log to a file, which appears only when it is whole, or to standard output; return how many rows."""
    if output is None:
        return _write(path, None)
    check_free(output, force=force)
    with files.being_made(output) as part:
        return _write(path, part)


def _write(path: Path | Elsewhere, output: Path | None) -> int:
    with reading_apart(path) as source:
        written = lines.written(source, Progress("export", "rows"))
        if output is None:
            return _write_lines(written, sys.stdout.buffer)
        with output.open("wb") as file:
            return _write_lines(written, file)


def _write_lines(written: Iterator[bytes], file: BinaryIO) -> int:
    count = -2  # without the first and the last line
    for line in written:
        file.write(line)
        count += 1
    file.flush()
    return count
