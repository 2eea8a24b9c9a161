"""Finds out by a write whether the log takes writes (protocol 6).

Nothing else shows a disk that is full or read-only before a command comes.
"""

import asyncio
import time

from bodhisattva.servers.core.log.base import Log, LogError

_PAUSE = 0.5  # seconds for which a result counts
_PATIENCE = 1.0  # seconds after which a disk that does not answer counts as gone


class WriteProbe:
    """answers: False while a write has had no answer for longer than the patience."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._begun = 0.0
        self._attempt: asyncio.Task[LogError | None] | None = None

    @property
    def answers(self) -> bool:
        done = self._attempt is None or self._attempt.done()
        return done or time.monotonic() < self._begun + _PATIENCE

    async def failure(self) -> LogError | None:
        """Why the log takes no write; None if it takes one, or does not answer."""
        now = time.monotonic()
        if self._attempt is None or (self._attempt.done() and now >= self._begun + _PAUSE):
            self._begun = now
            self._attempt = asyncio.get_running_loop().create_task(self._try())
        await asyncio.wait([self._attempt], timeout=max(0.0, self._begun + _PATIENCE - now))
        return self._attempt.result() if self._attempt.done() else None

    async def stop(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.gather(self._attempt, return_exceptions=True)

    async def _try(self) -> LogError | None:
        try:
            await self._log.probe()
        except LogError as error:
            return error
        return None
