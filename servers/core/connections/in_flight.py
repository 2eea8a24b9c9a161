"""Requests of one connection that are not answered yet."""

import asyncio
import time
from typing import TYPE_CHECKING

from bodhisattva.servers.core.envelope import Incoming

if TYPE_CHECKING:
    from bodhisattva.servers.core.telemetry.tracing import Span


class InFlight:
    """Holds when each request was received, and its span if requests are traced."""

    __slots__ = ("_drained", "_spans", "_started")

    def __init__(self) -> None:
        self._started: dict[int, float] = {}
        self._spans: dict[int, Span] | None = None
        self._drained: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self._started)

    def begin(self, message: Incoming) -> None:
        self._started[id(message)] = time.perf_counter()

    def trace(self, message: Incoming, span: "Span") -> None:
        """End this span with the request."""
        if self._spans is None:
            self._spans = {}
        self._spans[id(message)] = span

    def end(self, message: Incoming, error: str | None) -> float | None:
        """The seconds that a request took, None if it was not in flight any more. error: the code of its answer."""
        started = self._started.pop(id(message), None)
        if self._spans and (span := self._spans.pop(id(message), None)) is not None:
            span.end(error)
        return None if started is None else time.perf_counter() - started

    def wake(self) -> None:
        """Let `drained` return if nothing is in flight; called once the last answer is due."""
        if self._drained is not None and not self._started:
            self._drained.set()

    def clear(self) -> None:
        """Give all requests up; what still answers them is not sent."""
        self._started.clear()
        while self._spans:
            self._spans.popitem()[1].end("cancelled")
        self.wake()

    async def drained(self) -> None:
        """Wait until every request is answered."""
        while self._started:
            self._drained = self._drained or asyncio.Event()
            self._drained.clear()
            await self._drained.wait()
