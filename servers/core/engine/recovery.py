"""The way back from a log that failed: no request is taken until state and log are in step again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bodhisattva.servers.core.engine.projection import Projection
from bodhisattva.servers.core.log.base import LogError

PAUSE = 0.2  # seconds between attempts, where the log cannot be reached
_LONG_PAUSE = 5.0  # the same, where the log was reached and the state cannot be built from what it holds


async def recover(
    projection: Projection, attempt: Callable[[BaseException], Awaitable[None]], failure: BaseException, logger: Any
) -> None:
    """Repeat the attempt until it makes the projection available.

    attempt: gets the newest failure, and raises if it fails itself.
    """
    while not projection.available:
        try:
            await attempt(failure)
        except Exception as again:
            if str(again) != str(failure):
                unexpected = None if isinstance(again, LogError) else again
                logger.warning("store still unavailable", error=f"{type(again).__name__}: {again}", exc_info=unexpected)
            failure = again
            await asyncio.sleep(PAUSE if isinstance(again, LogError) else _LONG_PAUSE)
