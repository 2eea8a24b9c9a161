"""Whether the log takes writes, seen by writing to it when somebody asks (protocol 6).

A disk that is full or read-only shows in nothing else before a command comes.
"""

import asyncio
import time

from bodhisattva.servers.core.log.base import Log, LogError

_PAUSE = 0.5  # seconds for which what was seen counts
_PATIENCE = 1.0  # seconds after which a disk that says nothing counts as gone


class Writing:
    """works: False as long as a write that was tried gets no answer."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._begun = 0.0
        self._attempt: asyncio.Task[LogError | None] | None = None

    @property
    def works(self) -> bool:
        done = self._attempt is None or self._attempt.done()
        return done or time.monotonic() < self._begun + _PATIENCE

    async def failure(self) -> LogError | None:
        """Why the log takes no write, None if it does or does not say."""
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
