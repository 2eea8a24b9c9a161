"""Runs a service's commands and queries: each command once, and nothing seen outside before it is durable.

The engine deduplicates, has costly requests prepared off the loop, and answers queries. The processor evaluates,
encodes, numbers and applies a command. The appender stores it, in a log of this process's own or in a shared one.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.domain import Context, Decision, State
from bodhisattva.servers.core.engine.appender import MakeAppender
from bodhisattva.servers.core.engine.commands import Advance, Command, Decide
from bodhisattva.servers.core.engine.deduplication import INTERNAL, UNAVAILABLE, Answer, Answers, Key, Outcome, key_of
from bodhisattva.servers.core.engine.evaluation import checked
from bodhisattva.servers.core.engine.log_reader import LogReader
from bodhisattva.servers.core.engine.processor import CommandProcessor
from bodhisattva.servers.core.engine.projection import Projection
from bodhisattva.servers.core.engine.worker_thread import WorkerThread
from bodhisattva.servers.core.errors import ServiceError, Unavailable
from bodhisattva.servers.core.log.base import Log, LogError, LogRefused, Position
from bodhisattva.servers.core.service import Handler, Service
from bodhisattva.servers.core.telemetry.logs import request_fields
from bodhisattva.servers.core.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from bodhisattva.servers.core.telemetry.tracing import Tracing


class Engine:
    """One service's commands and queries on one log.

    window: seconds for which a repeated request id gets the first answer (protocol 1.2).
    """

    def __init__(
        self,
        service: Service,
        log: Log,
        hub: Hub,
        metrics: Metrics,
        window: float,
        make_appender: MakeAppender,
    ) -> None:
        self.service = service
        self.log = log
        self._logger = structlog.get_logger(service=service.name)
        self._answers = Answers(window)
        self._projection = Projection(service, log, hub, self._answers, metrics)
        self._processor = CommandProcessor(self._projection, hub, self._logger)
        self._appender = make_appender(self._processor)
        self.reader = LogReader(log, self._logger)
        self._worker_thread = WorkerThread()
        metrics.log_events.set_function(lambda: self.offset(GLOBAL) - self.log_start(GLOBAL))
        metrics.log_lag.set_function(lambda: self.lag)
        metrics.log_bytes.set_function(lambda: log.size)
        metrics.gauge("websocket_answers_kept", "Answers that a retry would get again.", lambda: len(self._answers))

    async def start(self) -> None:
        """Open the log and rebuild the state from it; LogRefused if they do not fit this release."""
        await self.log.open()
        try:
            await self._projection.rebuild()
        except asyncio.CancelledError:
            await self.log.close()
            raise
        except Exception as error:
            await self.log.close()
            if not isinstance(error, LogError):
                self._logger.debug("replay failed", exc_info=error)
            raise LogRefused(
                f"the log of {self.service.name} cannot be replayed ({type(error).__name__}); restore it from a backup"
            ) from error
        await self._appender.start()

    async def stop(self) -> None:
        """Settle what is under way and close the log."""
        self._worker_thread.stop()
        await self._appender.stop()
        await self.reader.stop()
        await self.log.close()

    @property
    def tracing(self) -> "Tracing | None":
        return self._processor.tracing

    @tracing.setter
    def tracing(self, tracing: "Tracing | None") -> None:
        self._processor.tracing = tracing

    @property
    def available(self) -> bool:
        """Whether requests are taken: False from a failure of the log until its recovery."""
        return self._projection.available

    @property
    def ready(self) -> bool:
        """Whether the log can be read and written, as far as that is known."""
        return self.available and self.reader.works and self._appender.writable

    @property
    def state(self) -> State:
        return self._projection.state

    @property
    def positions(self) -> Mapping[str, Position]:
        """How far each bridge has come, by source."""
        return self._projection.positions

    @property
    def lag(self) -> int:
        """How many commands are submitted and not yet settled."""
        return self._appender.lag

    def offset(self, channel: str) -> int:
        """The offset of the channel's last durable event, 0 if it has none."""
        return self._projection.offset(channel)

    def log_start(self, channel: str) -> int:
        """The offset after which the channel is held: that of the last event that retention removed, or 0."""
        return self._projection.log_start(channel)

    def note_trimmed(self, log_starts: Mapping[str, int]) -> None:
        """Take over the log starts that have risen because events were removed."""
        self._projection.note_trimmed(log_starts)

    async def probe_log(self) -> None:
        """Find out whether the log takes writes, for `ready`."""
        await self._appender.probe()

    def retention_lease(self) -> AbstractAsyncContextManager[int | None]:
        """Hold the right to trim the log: the number up to which every replica has delivered, or None without it."""
        return self._appender.retention_lease()

    async def changed(self) -> None:
        """Wait for the next durable event."""
        await self._projection.changed()

    def read_barrier(self, channel: str | None = None) -> Coroutine[Any, Any, None] | None:
        """None if the state is current, or else a coroutine that ends when it holds all that is in the log by now.

        Afterwards the log start of the channel is known, too. It raises Unavailable or LogError.
        """
        return self._appender.read_barrier(channel)

    def present(self, channel: str) -> list[dict[str, Any]] | Coroutine[Any, Any, list[dict[str, Any]]]:
        """The members of a channel at every replica, or a coroutine where other replicas have to be queried."""
        return self._appender.present(channel)

    def command(
        self, handler: Handler, data: dict[str, Any], context: Context, request_id: str | None, answer: Answer
    ) -> None:
        """Run a command once; `answer` is called when its outcome is durable, also for a repetition."""
        scope = f"{context.connection_id} " if handler.per_connection else ""
        key = key_of(context.user_id, scope + request_id) if request_id is not None else None
        if self._repeated(key, answer):
            return
        if handler.prepare is not None:
            then = partial(self._command_prepared, handler, context, key, answer)
            self._appender.when_current(partial(self._prepare, handler, data, answer, then))
            return

        def decide(state: State) -> Decision:
            return checked(handler.function(state, envelope.convert(data, handler.input_type), context))

        self._submit(decide, key, None, context.connection_id, answer)

    def react(self, decide: Decide, position: Position, answer: Answer, basis: Position | None = None) -> None:
        """Record what a bridge's event means here, together with how far the bridge has come (see `Entry.basis`)."""
        self._submit(decide, None, Advance(position, basis), "", answer)

    def query(self, handler: Handler, data: dict[str, Any], context: Context, answer: Answer) -> None:
        """Answer from a current state, once everything that it holds is durable."""
        if self._appender.current:
            self._query(handler, data, context, answer, True)
        else:
            self._appender.when_current(partial(self._query, handler, data, context, answer))

    def _repeated(self, key: Key | None, answer: Answer) -> bool:
        return key is not None and self._answers.is_repeated(key, answer, time.time())

    def _prepare(
        self,
        handler: Handler,
        data: dict[str, Any],
        answer: Answer,
        then: "Callable[[asyncio.Future[Any]], None]",
        current: bool,
    ) -> None:
        """Run the handler's `prepare` off the loop, and `then` on the loop."""
        prepare, state = handler.prepare, self.state
        assert prepare is not None
        if not current:
            return answer(UNAVAILABLE)
        try:
            self._worker_thread.run(lambda: prepare(state, envelope.convert(data, handler.input_type)), then)
        except Unavailable as refusal:
            answer(Outcome.refused(refusal))

    def _command_prepared(
        self, handler: Handler, context: Context, key: Key | None, answer: Answer, prepared: "asyncio.Future[Any]"
    ) -> None:
        if isinstance(prepared.exception(), Unavailable):
            return answer(UNAVAILABLE)
        if self._repeated(key, answer):
            return None

        def decide(state: State) -> Decision:
            return checked(handler.function(state, prepared.result(), context))

        return self._submit(decide, key, None, context.connection_id, answer)

    def _submit(
        self, decide: Decide, key: Key | None, advance: Advance | None, connection_id: str, answer: Answer
    ) -> None:
        if not self.available:
            return answer(UNAVAILABLE)
        if key is not None:
            self._answers.begin(key)
        trace = self.tracing.current() if self.tracing is not None else None
        return self._appender.submit(Command(decide, key, advance, connection_id, answer, trace))

    def _query(self, handler: Handler, data: dict[str, Any], context: Context, answer: Answer, current: bool) -> None:
        if not current:
            return answer(UNAVAILABLE)
        if handler.prepare is None:
            return self._answer(handler, partial(envelope.convert, data, handler.input_type), context, answer)
        state = self.state

        def prepared(future: "asyncio.Future[Any]") -> None:
            if self.available and self.state is state:
                self._answer(handler, future.result, context, answer)
            else:
                answer(UNAVAILABLE)

        return self._prepare(handler, data, answer, prepared, True)

    def _answer(self, handler: Handler, read_input: Callable[[], Any], context: Context, answer: Answer) -> None:
        try:
            outcome = Outcome.of(handler.function(self.state, read_input(), context))
        except ServiceError as refusal:
            outcome = Outcome.refused(refusal)
        except Exception:
            fields = request_fields(context.connection_id, context.request_id)
            self._logger.exception("query failed", request=handler.name, **fields)
            outcome = INTERNAL
        if self._appender.settled:
            answer(outcome)
        else:
            self._appender.when_durable(lambda durable: answer(outcome if durable else UNAVAILABLE))
