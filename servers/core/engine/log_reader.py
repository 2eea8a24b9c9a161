"""Reads the log for requests and subscribers, and keeps whether it can be read at all."""

import asyncio
from collections.abc import Sequence
from typing import Any

from bodhisattva.servers.core.log.base import Log, LogError, StoredEvent

_PAUSE = 0.5
AT_ONCE = 32  # more reads wait: redis-py raises where none of its connections is free


class LogReader:
    """works: False from a read that failed until the same read succeeds, which is repeated until then."""

    def __init__(self, log: Log, logger: Any) -> None:
        self.works = True
        self._log = log
        self._logger = logger
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._retry: asyncio.Task[None] | None = None

    async def read(self, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]:
        """As `Log.read`."""
        try:
            async with self._slots:
                return await self._log.read(channel, after, limit)
        except LogError as error:
            if self.works:
                self.works = False
                self._logger.error("store cannot be read", channel=channel, after=after, error=str(error))
                self._retry = asyncio.get_running_loop().create_task(self._retry_until_it_works(channel, after, limit))
            raise

    async def stop(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            await asyncio.gather(self._retry, return_exceptions=True)

    async def _retry_until_it_works(self, channel: str, after: int, limit: int) -> None:
        while not self.works:
            await asyncio.sleep(_PAUSE)
            try:
                await self._log.read(channel, after, limit)
            except LogError:
                continue
            self.works = True
            self._logger.warning("store can be read again")
