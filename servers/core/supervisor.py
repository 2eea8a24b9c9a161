"""What a service does beside its connections: named tasks, each begun again after a failure, which is logged."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bodhisattva.servers.core.log.base import LogError

_PAUSE = 1.0  # seconds from a failure to the next attempt
_INSISTENCE = 0.1  # seconds until a task that has not ended is cancelled again


async def cancelled(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks until they have ended: Python 3.11's `wait_for`, also redis-py's, may swallow a cancellation."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_INSISTENCE)


async def supervised(name: str, work: Callable[[], Awaitable[None]], logger: Any) -> None:
    """Run `work` until it returns; after a failure, log it, pause and run it again."""
    while True:
        try:
            return await work()
        except (LogError, OSError) as error:  # what it depends on is away
            logger.error("background work failed", work=name, error=f"{type(error).__name__}: {error}")
        except Exception:
            logger.exception("background work failed", work=name)
        await asyncio.sleep(_PAUSE)


class Supervisor:
    """Tasks that run until `stop`, each `supervised`."""

    def __init__(self, service: str) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._logger = structlog.get_logger(service=service)

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(supervised(name, work, self._logger), name=name))

    async def stop(self) -> None:
        await cancelled(*self._tasks)
