"""The format of a log in Redis, and the way from each earlier one to it; later ones are refused.

Format 1 counted no bytes, and its epoch did not name the format. Since it does now, replicas of an earlier release
that still run find another epoch than theirs, look at the format, refuse it, and write no more.
"""

import asyncio
import sqlite3
from pathlib import Path

import structlog

from bodhisattva.servers.core.log import files, redis_copy
from bodhisattva.servers.core.log import redis_scripts as scripts
from bodhisattva.servers.core.log.base import LogError, LogRefused
from bodhisattva.servers.core.log.formats import free_name
from bodhisattva.servers.core.log.redis_connection import Store, failures
from bodhisattva.servers.core.log.redis_records import Keys, fence

FORMAT = 2


def check(version: int, keys: Keys) -> None:
    """LogRefused if it is newer than what this release can read, or none."""
    if version < 1:
        raise LogRefused(
            f"the log at {keys.base}* has format {version}, which there never was; restore it from a backup"
        )
    if version > FORMAT:
        raise LogRefused(
            f"the log at {keys.base}* has format {version}, this release reads up to {FORMAT}; use a newer release"
        )


async def migrate(store: Store, keys: Keys, folder: Path) -> None:
    """Bring the log to the newest format, with a backup of it before, a log's file in the folder."""
    then = await redis_copy.log_image(store, keys)
    if then is None or then.version >= FORMAT:
        return
    backup = free_name(folder / f"{then.service}.redis", then.version)
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        with files.being_made(backup) as part:
            size = await redis_copy.copy(store, keys, then, part)
        arguments: list[str | int] = [then.stored, then.head, fence(FORMAT, then.epoch), FORMAT, size]
        with failures():
            await store.register_script(scripts.MIGRATE)(keys=keys.of("meta"), args=arguments)
    except (OSError, sqlite3.Error) as error:
        raise LogRefused(f"the log at {keys.base}* is not migrated, since no backup can be made ({error})") from None
    except LogError as error:
        backup.unlink(missing_ok=True)
        raise LogRefused(f"the log at {keys.base}* is not migrated: {error}; stop its replicas first") from None
    logger = structlog.get_logger(service=then.service)
    logger.info("log migrated", path=f"{keys.base}*", before=then.version, after=FORMAT, backup=str(backup))
