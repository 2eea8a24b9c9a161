"""Checks before a tool writes a log: the file is not in use, and is overwritten only with --force."""

import os
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path

from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.core.log import files
from bodhisattva.servers.log_tools.source import reading


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that a service holds while it runs; LogRefused if another process has it."""
    descriptor = files.lock(path)
    try:
        yield
    finally:
        os.close(descriptor)


def check_free(path: Path, *, force: bool) -> None:
    """Refused if the path exists and must not be overwritten."""
    if path.is_dir():
        raise Refused(f"{path} is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise Refused(f"{path} is no regular file, which another could take the place of")
    if path.exists() and not force:
        raise Refused(f"{path} exists; --force overwrites it")


def check_owner(path: Path, service: str, services: Container[str]) -> None:
    """Refused if the file is another service's log, or has the name of one, with or without --force."""
    if path.suffix == ".sqlite3" and path.stem in services and path.stem != service:
        raise Refused(f"{path} is for the log of {path.stem}, not of {service}")
    try:
        with reading(path) as there:
            other = there.service
    except Refused:
        return
    if other != service:
        raise Refused(f"{path} is the log of {other}, not of {service}")
