"""Runs work that would block the event loop: on one thread, one piece after the other."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bodhisattva.servers.core.errors import Unavailable

T = TypeVar("T")

MOST_WAITING = 100


class WorkerThread:
    """The thread of one service. It begins with the first piece of work."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="worker")
        self._waiting = 0

    def run(self, work: Callable[[], T], then: "Callable[[asyncio.Future[T]], None]") -> None:
        """Do the work and call `then` on the loop with what came of it; Unavailable if too much waits already."""
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Too many requests of this kind wait; try again.", retry_after=1.0)
        self._waiting += 1

        def ended(future: "asyncio.Future[T]") -> None:
            self._waiting -= 1
            if not future.cancelled():
                then(future)

        asyncio.get_running_loop().run_in_executor(self._thread, work).add_done_callback(ended)

    def stop(self) -> None:
        """Begin nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)
