"""The appender of a log that other replicas append to as well: compare and append, under a grant.

One task talks to the log, so that state and log move in step. Under the grant it takes in what others appended,
evaluates all commands that wait, one after the other, and appends them at exactly the place that they were decided on.
The grant keeps replicas out of each other's way, and the place keeps them right: a replica that held its grant too long
finds that others have appended, takes everything back and decides again. Nothing is delivered or answered before it is
in the log. Requests that read wait at a barrier, and so see every command that any replica answered before they came.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.domain import Decision
from bodhisattva.servers.core.engine.commands import Advance, Command, PreparedAppend, Unappliable
from bodhisattva.servers.core.engine.deduplication import INTERNAL, UNAVAILABLE, Key, Outcome
from bodhisattva.servers.core.engine.processor import CommandProcessor
from bodhisattva.servers.core.engine.recovery import recover
from bodhisattva.servers.core.errors import Unavailable
from bodhisattva.servers.core.log.base import (
    AnsweredBefore,
    Entry,
    LogError,
    LogMoved,
    PositionTaken,
    SharedLog,
    StoredAnswer,
)
from bodhisattva.servers.core.replicas.log_follower import LogFollower
from bodhisattva.servers.core.replicas.log_listener import LogListener
from bodhisattva.servers.core.replicas.read_barrier import ReadBarrier
from bodhisattva.servers.core.replicas.replica_bus import ReplicaBus
from bodhisattva.servers.core.replicas.resynchronization import Resynchronization
from bodhisattva.servers.core.replicas.retention_lease import retention_lease
from bodhisattva.servers.core.supervisor import cancelled, supervised

if TYPE_CHECKING:
    from bodhisattva.servers.core.telemetry.tracing import Span

_BATCH = 200  # commands that are evaluated and appended together
_GRANT_PAUSE = 0.01  # seconds between attempts to acquire the grant, unless something arrives meanwhile


class SharedAppender:
    """See `Appender`. listener: called when the log cannot be reached, can be again, or has lost events."""

    def __init__(self, log: SharedLog, hub: Hub, listener: LogListener, processor: CommandProcessor) -> None:
        self._log = log
        self._listener = listener
        self._processor = processor
        self._projection = processor.projection
        self._logger = processor.logger
        self._commands: deque[Command] = deque()
        self._barrier = ReadBarrier()
        self._follower = LogFollower(self._projection, log, self._caught_up)
        self._ahead = False  # whether the state holds what the log may not
        self._when_settled: list[Callable[[bool], None]] = []  # called when it no longer does
        self._due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._bus = ReplicaBus(log, hub, self._delivered)

    @property
    def lag(self) -> int:
        return len(self._commands)

    @property
    def writable(self) -> bool:
        """The log is probed whenever it is idle, and unavailable while it takes no writes."""
        return True

    @property
    def current(self) -> bool:
        """Another replica may have appended since the last read."""
        return False

    @property
    def settled(self) -> bool:
        return not self._ahead

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        work = {"appends to the shared log": self._drive, "following the shared log": self._follower.watch}
        self._tasks = [loop.create_task(supervised(name, each, self._logger)) for name, each in work.items()]
        await self._bus.start()

    async def stop(self) -> None:
        """Settle what waits, unless the log cannot be reached."""
        with suppress(Unavailable):
            while self._commands or self._barrier:
                await self._caught_up()
        await self._bus.stop()
        await cancelled(*self._tasks)
        await self._follower.stop()
        self._refuse_all()

    def submit(self, command: Command) -> None:
        self._commands.append(command)
        self._due.set()

    def when_current(self, then: Callable[[bool], None]) -> None:
        self._wait_for(then, None)

    def when_durable(self, then: Callable[[bool], None]) -> None:
        if self._ahead:
            self._when_settled.append(then)
        else:
            then(True)

    def read_barrier(self, channel: str | None) -> Coroutine[Any, Any, None]:
        return self._pass_barrier(channel)

    def present(self, channel: str) -> Coroutine[Any, Any, list[dict[str, Any]]]:
        return self._bus.present(channel)

    async def probe(self) -> None:
        """The log is probed whenever it is idle."""

    @asynccontextmanager
    async def retention_lease(self) -> AsyncIterator[int | None]:
        async with retention_lease(self._log, self._bus, self._projection.offset(GLOBAL)) as delivered:
            if delivered is not None:
                self._projection.note_trimmed(await self._log.log_starts_of(GLOBAL))
            yield delivered

    def _delivered(self) -> int | None:
        """The number of the last event that was delivered here; None while that is not known."""
        return self._projection.offset(GLOBAL) if self._projection.available else None

    async def _pass_barrier(self, channel: str | None) -> None:
        await self._caught_up()
        if channel is not None:
            await self._follower.fetch_log_start(channel)

    async def _caught_up(self, seq: int | None = None) -> None:
        """Wait until the state holds the event `seq`, or all that is in the log by now; Unavailable if it cannot."""
        passed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def then(current: bool) -> None:
            if not passed.done():
                passed.set_result(current)

        self._wait_for(then, seq)
        if not await passed:
            raise Unavailable("The store cannot be read now; try again.", retry_after=1.0)

    def _wait_for(self, then: Callable[[bool], None], seq: int | None) -> None:
        if not self._projection.available:
            then(False)
        else:
            self._barrier.add(then, seq)
            self._due.set()

    async def _drive(self) -> None:
        """The one conversation with the log."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                while self._barrier or self._commands:
                    await self._barrier.pass_through(self._follower.catch_up)
                    await self._append_batch()
            except Exception as error:  # noqa: BLE001 - logged, and everything that waits is answered
                await self._resynchronize(error)

    async def _append_batch(self) -> None:
        """Settle ephemeral commands at once, and the others under the grant, if it can be had now."""
        while self._commands and self._settle_ephemeral(self._commands[0]):
            pass
        batch = list(islice(self._commands, _BATCH))
        if not batch:
            return
        keys = [command.key for command in batch if command.key is not None]
        grant = await self._log.acquire(keys, time.time() - self._projection.answers.window)
        if grant is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRANT_PAUSE):
                    await self._due.wait()
            return
        await self._follower.read_on()
        self._projection.positions = {position.source: position for position in grant.positions}
        known = {(answer.user_id, answer.request_id): answer for answer in grant.answers}
        try:
            prepared = self._prepare_all(batch, known)
            await self._append(prepared, more=len(self._commands) > len(batch))
        except (Unappliable, LogMoved, AnsweredBefore, PositionTaken) as error:
            self._logger.warning("decisions are taken back and taken again", reason=str(error))
            await self._projection.rebuild(self._projection.offset(GLOBAL))
            self._set_in_step(durable=False)
        else:
            for each in prepared:
                self._commands.popleft()
                self._processor.commit(each)
            self._set_in_step(durable=True)

    def _settle_ephemeral(self, command: Command) -> bool:
        """Whether a command was settled without the log, since it comes to nothing that the log keeps."""
        evaluated = self._processor.evaluate(command)
        if evaluated is not None and not evaluated.ephemeral:
            return False
        self._commands.popleft()
        if evaluated is None:
            self._processor.settle(command, INTERNAL)
        else:
            self._processor.commit(self._processor.prepare(command, evaluated))
        return True

    def _prepare_all(self, batch: Sequence[Command], known: Mapping[Key, StoredAnswer]) -> list[PreparedAppend]:
        """Evaluate one after the other, each on a state that holds what the earlier ones decided."""
        prepared: list[PreparedAppend] = []
        for command in batch:
            if command.key is not None and command.key in known:
                prepared.append(_empty(command, msgspec.json.decode(known[command.key].outcome, type=Outcome)))
            elif command.advance is not None and not self._advances(command.advance):
                prepared.append(_empty(command, Outcome.of({})))
            else:
                prepared.append(self._prepare(command))
        return prepared

    def _prepare(self, command: Command) -> PreparedAppend:
        """Evaluate and apply, before it is known that the log takes it; Unappliable once the command is answered."""
        evaluated = self._processor.evaluate(command)
        if evaluated is None:
            return _empty(command, INTERNAL)
        self._ahead |= bool(evaluated.events)
        try:
            return self._processor.prepare(command, evaluated)
        except Unappliable:
            self._commands.remove(command)
            self._processor.settle(command, INTERNAL)
            raise

    def _advances(self, advance: Advance) -> bool:
        """Whether a source's event has not yet taken effect, here or at another replica."""
        position, basis = advance
        return position.follows(self._projection.positions.get(position.source), basis)

    async def _append(self, prepared: Sequence[PreparedAppend], *, more: bool) -> None:
        """Append all together, each as a part of its command's trace."""
        spans = [span for each in prepared if (span := self._span(each)) is not None]
        error: str | None = "cancelled"
        try:
            await self._log.append(*(each.entry for each in prepared), more=more)
            error = None
        except LogError as failure:
            error = type(failure).__name__
            raise
        finally:
            for span in spans:
                span.end(error)

    def _span(self, prepared: PreparedAppend) -> "Span | None":
        return self._processor.span(prepared) if prepared.command.trace is not None else None

    def _set_in_step(self, *, durable: bool) -> None:
        """The state holds exactly what the log does: what it held before is durable, or was taken back."""
        self._ahead = False
        self._call_settled(durable)

    def _call_settled(self, durable: bool) -> None:
        waiting, self._when_settled = self._when_settled, []
        for then in waiting:
            then(durable)

    def _refuse_all(self) -> None:
        """Answer UNAVAILABLE to whatever waits."""
        self._barrier.fail()
        self._call_settled(False)
        while self._commands:
            self._processor.settle(self._commands.popleft(), UNAVAILABLE)

    async def _resynchronize(self, failure: Exception) -> None:
        """Take no requests until state and log are in step again; clients are notified of both."""
        if not isinstance(failure, LogError):
            self._logger.error("the state does not follow the log", exc_info=failure)
        self._logger.error("store unavailable", error=str(failure))
        self._projection.available = False
        self._listener.availability_changed(False)
        self._refuse_all()
        attempts = Resynchronization(self._projection, self._log, self._follower, rebuild=self._ahead)
        await recover(self._projection, attempts.attempt, failure, self._logger)
        self._ahead = False
        if attempts.gap:
            self._listener.gap(attempts.gap)
        self._listener.availability_changed(True)
        self._projection.announce_change()
        self._logger.warning("store available again", passed_over=attempts.gap or None)


def _empty(command: Command, outcome: Outcome) -> PreparedAppend:
    """A command that has its outcome without an append."""
    return PreparedAppend(command, Decision({}), outcome, Entry())
