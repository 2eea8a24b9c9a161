"""Backs up a log while its service runs, and restores a backup."""

import sqlite3
from pathlib import Path

from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.core.log import files
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.log_tools import verify
from bodhisattva.servers.log_tools.progress import Progress
from bodhisattva.servers.log_tools.source import Elsewhere, Source, reading, reading_apart
from bodhisattva.servers.log_tools.target import check_free, check_owner, locked


def backup(path: Path | Elsewhere, target: Path, *, force: bool) -> int:
    """Copy the log as it is now to `target`; return the number of its newest event."""
    check_free(target, force=force)
    if isinstance(path, Path):
        _check_apart(path, target)
    with reading(path) as source:
        files.copy(source.database, target, Progress("backup", "pages").report)
        return source.newest()


def restore(
    backup: Path, path: Path | Elsewhere, services: dict[str, Service], *, force: bool, same_epoch: bool
) -> int:
    """Replace a service's log by a backup; return the number of its newest event.

    The log gets a new epoch, unless `same_epoch`. Clients may have received events after the backup was made, and the
    log gives their offsets to other events.
    """
    if not isinstance(path, Path):
        return _restore_elsewhere(backup, path, services, force=force, same_epoch=same_epoch)
    check_free(path, force=force)
    _check_apart(backup, path)
    with reading_apart(backup) as source, locked(path):
        check_owner(path, source.service, services)
        _check_sound(source, services.get(source.service))
        begin = _keep_epoch if same_epoch else _begin_epoch
        files.copy(source.database, path, Progress("restore", "pages").report, begin)
        return source.newest()


def _restore_elsewhere(
    backup: Path, place: Elsewhere, services: dict[str, Service], *, force: bool, same_epoch: bool
) -> int:
    with reading_apart(backup) as source:
        place.check(source.service, force=force)
        _check_sound(source, services.get(source.service))
        place.replace(source, source.epoch if same_epoch else fresh_id())
        return source.newest()


def _begin_epoch(database: sqlite3.Connection) -> None:
    database.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (fresh_id(),))


def _keep_epoch(database: sqlite3.Connection) -> None:
    return None


def _check_sound(source: Source, service: Service | None) -> None:
    verify.check_sound(source, service, f"{source.path} is not restored, since it is damaged")


def _check_apart(one: Path, other: Path) -> None:
    if other.exists() and one.exists() and one.samefile(other):
        raise Refused(f"{one} and {other} are the same file")
