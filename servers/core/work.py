"""What a service does by itself, beside its connections: named tasks that no failure ends in silence."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bodhisattva.servers.core.log.base import LogError

_PAUSE = 1.0
_INSISTENCE = 0.1


async def ended(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks until they have ended: Python 3.11's `wait_for`, also redis-py's, may swallow a cancellation."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_INSISTENCE)


async def insistent(name: str, work: Callable[[], Awaitable[None]], logger: Any) -> None:
    """Work that is begun again after a pause where it fails, which is logged."""
    while True:
        try:
            return await work()
        except (LogError, OSError) as error:  # what it depends on is away
            logger.error("background work failed", work=name, error=f"{type(error).__name__}: {error}")
        except Exception:
            logger.exception("background work failed", work=name)
        await asyncio.sleep(_PAUSE)


class Work:
    """Tasks that run until `stop`, each `insistent`."""

    def __init__(self, service: str) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._logger = structlog.get_logger(service=service)

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(insistent(name, work, self._logger), name=name))

    async def stop(self) -> None:
        await ended(*self._tasks)
