"""Makes a log as small as its retention allows, while its service is stopped."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.config import Config, Retention
from bodhisattva.servers.core.engine import retention
from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.core.log import files
from bodhisattva.servers.core.log.sqlite import SqliteLog
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.log_tools import verify
from bodhisattva.servers.log_tools.progress import Progress
from bodhisattva.servers.log_tools.source import reading
from bodhisattva.servers.log_tools.target import locked
from bodhisattva.servers.registry import services


class Compacted(NamedTuple):
    """removed: events. before, after: bytes of the file, in Redis of the events' data."""

    removed: int
    before: int
    after: int


def compact_file(path: Path, config: Callable[[str], Config], given: Mapping[str, int | float]) -> Compacted:
    """Compact by the service's configuration; `given` limits replace the configured ones."""
    with reading(path) as source:
        name = source.service
    service = services().get(name)
    if service is None:
        raise Refused(f"{path} is the log of {name}, which is no service of this release")
    own = config(name).log.retention
    return compact(path, service, config(name), msgspec.structs.replace(own, **given))


def compact(path: Path, service: Service, config: Config, limits: Retention) -> Compacted:
    """Apply the limits, then free the disk space. LogRefused if the file is in use, Refused if it is damaged."""
    with locked(path):
        with reading(path) as source:
            verify.check_sound(source, service, f"{path} is not compacted, since it is damaged")
        _checkpoint(path)
        before = path.stat().st_size
    removed = asyncio.run(_shorten(path, service, config, limits))
    with locked(path):
        _checkpoint(path, "VACUUM")
    return Compacted(removed, before, path.stat().st_size)


async def _shorten(path: Path, service: Service, config: Config, limits: Retention) -> int:
    progress = Progress("compact", "events removed")
    log = SqliteLog(path, service.name, config.timeouts.deduplication)
    await log.open()
    try:
        with reading(path) as source:
            log_start, newest = source.log_start(), source.newest()

        def trimmed(log_starts: Mapping[str, int]) -> None:
            progress.report(log_starts[GLOBAL] - log_start)

        return await retention.shorten(service, log, limits, log_start, newest, trimmed)
    finally:
        await log.close()


def _checkpoint(path: Path, *statements: str) -> None:
    """Execute statements outside of a transaction, and leave no WAL."""
    with closing(files.connect(path)) as database:
        database.isolation_level = None
        for statement in (*statements, "PRAGMA wal_checkpoint(TRUNCATE)"):
            database.execute(statement)
