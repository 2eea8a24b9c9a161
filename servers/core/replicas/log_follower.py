"""Follows a shared log: takes in what other replicas append, and fetches log starts that their trimming moved."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.engine.projection import Projection
from bodhisattva.servers.core.errors import Unavailable
from bodhisattva.servers.core.log.base import LogError, SharedLog
from bodhisattva.servers.core.supervisor import cancelled

_PAUSE = 0.2  # seconds between attempts to reach the log again


class LogFollower:
    """Keeps a projection in step with its log.

    barrier: awaited with the number of an event until the projection holds it, or with None for the log's end.
    idle: whether nothing was appended for a moment, so that only a probe shows whether the log takes writes.
    """

    def __init__(
        self, projection: Projection, log: SharedLog, barrier: Callable[[int | None], Awaitable[None]]
    ) -> None:
        self._projection = projection
        self._log = log
        self._barrier = barrier
        self._idle = False
        self._fetches: dict[str, asyncio.Task[None]] = {}  # of channels' log starts, under way

    async def stop(self) -> None:
        await cancelled(*self._fetches.values())

    async def catch_up(self, seq: int | None = None) -> None:
        """Read on, unless the projection holds the event `seq` already; while the log is idle, probe it too."""
        if seq is None or seq > self._projection.offset(GLOBAL):
            await self.read_on()
        if self._idle:
            self._idle = False
            await self._log.recover()

    async def read_on(self) -> None:
        """Take in what is in the log by now."""
        async for chunk in self._log.newer():
            self._projection.apply_and_deliver(chunk)
        self._projection.note_trimmed({GLOBAL: self._log.log_start})

    async def watch(self) -> None:
        """Pass the barrier whenever another replica appends, and at every idle moment."""
        while True:
            try:
                arrived = await self._log.arrival()
                self._idle = arrived is None
                await self._barrier(arrived)
            except (LogError, Unavailable):
                await asyncio.sleep(_PAUSE)
                with suppress(Unavailable):
                    await self._barrier(None)

    async def fetch_log_start(self, channel: str) -> None:
        """Learn the channel's log start, if events were removed since those of all channels were read."""
        if self._projection.log_start(GLOBAL) > self._projection.log_starts_read_at:
            await asyncio.shield(self._fetch(channel))

    def _fetch(self, channel: str) -> "asyncio.Task[None]":
        """One query for all requests that wait for the same channel, so that they are answered in order."""
        fetch = self._fetches.get(channel)
        if fetch is None:
            fetch = asyncio.get_running_loop().create_task(self._fetch_now(channel))
            self._fetches[channel] = fetch
            fetch.add_done_callback(lambda _: self._fetches.pop(channel))
        return fetch

    async def _fetch_now(self, channel: str) -> None:
        self._projection.note_trimmed(await self._log.log_starts_of(channel))
