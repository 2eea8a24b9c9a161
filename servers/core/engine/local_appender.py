"""The appender of a log that only this process writes: appends are pipelined, and the log commits them in groups.

A command is evaluated at once, on a state that already holds what earlier commands are still appending. So many
appends can be under way, and a client sees none of them before it is durable. If one fails, all later ones were
decided on what is not there: they fail too, and the state is rebuilt from the log.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.engine.commands import Command, PreparedAppend, Unappliable
from bodhisattva.servers.core.engine.deduplication import INTERNAL
from bodhisattva.servers.core.engine.processor import CommandProcessor
from bodhisattva.servers.core.engine.recovery import recover
from bodhisattva.servers.core.engine.write_probe import WriteProbe
from bodhisattva.servers.core.log.base import LocalLog, LogError

if TYPE_CHECKING:
    from bodhisattva.servers.core.telemetry.tracing import Span

_RECOVERY_PAUSE = 0.5


@dataclass(slots=True)
class _Pending:
    """An append under way, and what is called once it has ended."""

    prepared: PreparedAppend
    span: "Span | None"
    then: list[Callable[[bool], None]] = field(default_factory=list)


class LocalAppender:
    """See `Appender`."""

    def __init__(self, log: LocalLog, processor: CommandProcessor) -> None:
        self._log = log
        self._processor = processor
        self._projection = processor.projection
        self._logger = processor.logger
        self._write_probe = WriteProbe(log)
        self._pending: deque[_Pending] = deque()
        self._recovery: asyncio.Task[None] | None = None

    @property
    def lag(self) -> int:
        return len(self._pending)

    @property
    def writable(self) -> bool:
        return self._write_probe.answers

    @property
    def current(self) -> bool:
        """The only writer holds all that is in its log."""
        return self._projection.available

    @property
    def settled(self) -> bool:
        return not self._pending

    async def start(self) -> None:
        """Nothing runs beside the appends."""

    async def stop(self) -> None:
        await self._write_probe.stop()
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)

    def submit(self, command: Command) -> None:
        evaluated = self._processor.evaluate(command)
        if evaluated is None:
            return self._processor.settle(command, INTERNAL)
        try:
            prepared = self._processor.prepare(command, evaluated)
        except Unappliable as error:
            self._start_recovery(error)
            return self._processor.settle(command, INTERNAL)
        if evaluated.ephemeral:
            return self.when_durable(partial(self._processor.finish, prepared))
        return self._append(prepared)

    def _append(self, prepared: PreparedAppend) -> None:
        self._pending.append(_Pending(prepared, self._processor.span(prepared)))
        self._log.append(prepared.entry).add_done_callback(self._append_ended)

    def _append_ended(self, future: "asyncio.Future[None]") -> None:
        """Appends end in the order in which they began; so do their events and answers go out."""
        pending = self._pending.popleft()
        failure = LogError("cancelled") if future.cancelled() else future.exception()
        durable = failure is None
        if pending.span is not None:
            pending.span.end(None if durable else type(failure).__name__)
        if failure is not None:
            self._logger.error("append failed", error=str(failure))
            self._start_recovery(failure)
        self._processor.finish(pending.prepared, durable)
        for then in pending.then:
            then(durable)

    def when_current(self, then: Callable[[bool], None]) -> None:
        then(self._projection.available)

    def when_durable(self, then: Callable[[bool], None]) -> None:
        if self._pending:
            self._pending[-1].then.append(then)
        else:
            then(True)

    def read_barrier(self, channel: str | None) -> None:
        """The only writer holds all that is in its log."""

    def present(self, channel: str) -> list[dict[str, Any]]:
        return self._processor.present(channel)

    async def probe(self) -> None:
        """Write to the log, unless an append that is under way will show whether it takes writes."""
        if not self._projection.available or self._pending:
            return
        failure = await self._write_probe.failure()
        if failure is not None and self._projection.available:
            self._logger.error("store cannot be written", error=str(failure))
            self._start_recovery(failure)

    @asynccontextmanager
    async def retention_lease(self) -> AsyncIterator[int | None]:
        yield self._projection.offset(GLOBAL)

    def _start_recovery(self, failure: BaseException) -> None:
        if self._projection.available:
            self._projection.available = False
            self._recovery = asyncio.get_running_loop().create_task(self._recover(failure))

    async def _recover(self, failure: BaseException) -> None:
        await recover(self._projection, self._rebuild, failure, self._logger)
        self._logger.info("log recovered")

    async def _rebuild(self, _failure: BaseException) -> None:
        """One attempt, once every append that was under way has ended."""
        await asyncio.sleep(_RECOVERY_PAUSE)
        drained = asyncio.Event()
        self.when_durable(lambda _: drained.set())
        await drained.wait()
        await self._log.recover()
        await self._projection.rebuild(self._projection.offset(GLOBAL))
