"""A service's log in Redis, for the tools: read by a copy of one moment, and replaced as a whole."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.config import Config, Retention, without_password
from bodhisattva.servers.core.engine import retention
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.core.log import redis_formats as formats
from bodhisattva.servers.core.log import sharing
from bodhisattva.servers.core.log.base import LogError
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.log.redis_connection import FAILURES, connect, disconnect
from bodhisattva.servers.core.log.redis_copy import copy, log_image
from bodhisattva.servers.core.log.redis_records import Keys
from bodhisattva.servers.core.log.redis_retention import RedisRetention
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.log_tools import redis_load, redis_verify, verify
from bodhisattva.servers.log_tools.progress import Progress
from bodhisattva.servers.log_tools.source import Source, reading

T = TypeVar("T")
_TIMEOUT = 30.0  # seconds for an answer of Redis, since a state may be large
_LEASE = 60.0
_LEASE_TIMEOUT = 15.0


class RedisSource:
    """The place of a service's log, by its configuration."""

    def __init__(self, service: Service, config: Config) -> None:
        self._service = service
        self._config = config
        self._keys = Keys(config.log.prefix, service.name)
        self._where = without_password(sharing.place(config.log))

    def __str__(self) -> str:
        return f"{self._where} {self._keys.base}*"

    @contextmanager
    def copied(self, found: list[str] | None = None) -> Iterator[Path]:
        """A file with a copy of the log at one moment. found: gets the problems that the copy does not show."""
        with TemporaryDirectory(prefix="bodhisattva-") as folder:
            path = Path(folder) / "log.sqlite3"
            self._run(self._copy(path, found))
            yield path

    async def _copy(self, path: Path, found: list[str] | None) -> None:
        async with self._store() as store, self._undisturbed(store):
            then = await log_image(store, self._keys)
            if then is None:
                raise Refused(f"{self}: there is no log")
            formats.check(then.version, self._keys)
            size = await copy(store, self._keys, then, path, Progress("read", "events").report)
            if found is not None:
                found += await redis_verify.problems(store, self._keys, then, path, size)

    def check(self, service: str, *, force: bool) -> None:
        """Refused if it is another service's, or if a log exists without `force`."""
        if service != self._service.name:
            raise Refused(f"{self} is for the log of {self._service.name}, not of {service}")
        if self._run(self._exists()) and not force:
            raise Refused(f"{self} exists; --force overwrites it")

    async def _exists(self) -> bool:
        async with self._store() as store:
            return await log_image(store, self._keys) is not None

    def replace(self, source: Source, epoch: str) -> None:
        """Replace the log by a file's at once; Refused if a replica of the service runs on it."""
        self._run(self._replace(source, epoch))

    async def _replace(self, source: Source, epoch: str) -> None:
        async with self._store() as store:
            if replicas := int(await store.spublish(self._keys.of("said")[0], b"")):
                raise Refused(f"{self} is in use by {replicas} of its service's replicas; stop them")
            await redis_load.load(store, self._keys, source, epoch)

    def shorten(self, given: Mapping[str, int | float]) -> tuple[int, int, int]:
        """Apply the configured limits and those given; return events removed, bytes of data before and after.

        Refused if the log is damaged.
        """
        found: list[str] = []
        with reading(self, found) as source:
            verify.check_sound(source, self._service, f"{self} is not compacted, since it is damaged", found)
        return self._run(self._shorten(msgspec.structs.replace(self._config.log.retention, **given)))

    async def _shorten(self, limits: Retention) -> tuple[int, int, int]:
        window = self._config.timeouts.deduplication
        log = RedisLog(self._config.log, self._service.name, window, Path(self._config.state))
        progress = Progress("compact", "events removed")
        await log.open()
        try:
            async with self._store() as store, self._undisturbed(store):
                snapshot = await log.snapshot()
                newest = snapshot.seq if snapshot is not None else 0
                async for page in log.replay(newest):
                    newest = page[-1].seq
                before, log_start = log.size, log.log_start

                def trimmed(log_starts: Mapping[str, int]) -> None:
                    progress.report(log_starts.get(GLOBAL, log_start) - log_start)

                removed = await retention.shorten(self._service, log, limits, log_start, newest, trimmed)
                return removed, before, log.size
        finally:
            await log.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run(work)
        except (*FAILURES, LogError) as error:
            if isinstance(error, LogError) and not isinstance(error.__cause__, FAILURES):
                raise
            raise Refused(f"the Redis at {self._where} cannot be used: {' '.join(str(error).split())}") from None

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[Any]:
        store = connect(self._config.log, _TIMEOUT)
        try:
            yield store
        finally:
            await disconnect(store)

    @asynccontextmanager
    async def _undisturbed(self, store: Any) -> AsyncIterator[None]:
        """Hold the retention lease, so that no replica removes events meanwhile."""
        retention = RedisRetention(store, self._keys, f"tool-{fresh_id()}")
        try:
            async with asyncio.timeout(_LEASE_TIMEOUT):
                while not await retention.lease(_LEASE):  # noqa: ASYNC110 - Redis offers nothing to wait on
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise Refused(f"{self} is being shortened; try again") from None
        try:
            yield
        finally:
            await retention.lease(0)
