"""From command to durable, published event: decide, append at the next offset, then publish and answer.

Decisions are taken one after the other against a state that already holds what earlier ones are still writing, so
many commits can be under way at once. Nothing of that is seen outside before it is durable: answers, queries and
refusals wait for the appends that they were decided on. If an append fails, everything decided since is answered
UNAVAILABLE and the state is rebuilt from the log.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import structlog

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.domain import Context, Decision, Event, State
from bodhisattva.servers.core.engine.aside import Aside
from bodhisattva.servers.core.engine.deduplication import INTERNAL, UNAVAILABLE, Answer, Answers, Key, Outcome, key_of
from bodhisattva.servers.core.engine.reading import Reading
from bodhisattva.servers.core.engine.replay import replay
from bodhisattva.servers.core.engine.writing import Writing
from bodhisattva.servers.core.errors import ServiceError, Unavailable
from bodhisattva.servers.core.log.base import Entry, Log, LogError, LogRefused, Position, StoredAnswer, StoredEvent
from bodhisattva.servers.core.service import Handler, Service
from bodhisattva.servers.core.telemetry.logs import concerning
from bodhisattva.servers.core.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from bodhisattva.servers.core.telemetry.tracing import Span, Tracing

_RECOVERY_PAUSE = 0.5
Decide = Callable[[State], Decision]


@dataclass
class _Pending:
    """An append under way, and what waits for it."""

    events: tuple[StoredEvent, ...]
    finish: Callable[[bool], None]
    after: list[Callable[[bool], None]] = field(default_factory=list)
    span: "Span | None" = None


class Draft(NamedTuple):
    """An event to be numbered, and its data as JSON."""

    event: Event
    data: msgspec.Raw


class Advance(NamedTuple):
    """How far a bridge comes with an event, and from where it was read (see `Entry.basis`)."""

    position: Position
    basis: Position | None


class Decided(NamedTuple):
    """What a command came to, before it is durable."""

    decision: Decision
    outcome: Outcome
    drafts: list[Draft]

    @property
    def only_said(self) -> bool:
        """Whether it comes to something that nobody keeps, and nothing else."""
        return not self.drafts and bool(self.decision.ephemeral or self.decision.membership)


class Engine:
    """One service's state and the only writer of its log.

    shared: whether the log may hold what this engine does not know of until it has `caught_up` (see `replica`).
    """

    shared = False

    def __init__(self, service: Service, log: Log, hub: Hub, metrics: Metrics, window: float) -> None:
        self.service = service
        self.log = log
        self.available = False
        self.state: State = service.state()
        self.positions: dict[str, Position] = {}
        self.tracing: Tracing | None = None
        self._hub = hub
        self._metrics = metrics
        self._answers = Answers(window)
        self._window = window
        self._reserved: dict[str, int] = {}
        self._committed: dict[str, int] = {}
        self._floors: dict[str, int] = {}
        self._pending: deque[_Pending] = deque()
        self._changed = asyncio.Event()
        self._recovery: asyncio.Task[None] | None = None
        self._logger = structlog.get_logger(service=service.name)
        self.reading = Reading(log, self._logger)
        self.writing = Writing(log)
        self._aside = Aside()
        metrics.log_events.set_function(lambda: self.offset(GLOBAL) - self.floor(GLOBAL))
        metrics.log_lag.set_function(lambda: self.lag)
        metrics.log_bytes.set_function(lambda: log.size)
        metrics.gauge("websocket_answers_kept", "Answers that a retry would get again.", lambda: len(self._answers))

    async def start(self) -> None:
        """Open the log and rebuild the state from it; LogRefused if they do not fit this release."""
        await self.log.open()
        try:
            await self._rebuild()
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

    async def stop(self) -> None:
        """Finish what is under way and close the log."""
        self._aside.stop()
        await self.reading.stop()
        await self.writing.stop()
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)
        await self.log.close()

    @property
    def lag(self) -> int:
        """How many entries are decided, or waiting to be, and not yet durable."""
        return len(self._pending)

    def offset(self, channel: str) -> int:
        """The offset of the channel's last durable event, 0 if it has none."""
        return self._committed.get(channel, 0)

    def floor(self, channel: str) -> int:
        """The offset of the channel's last event that retention has removed, 0 if it holds all."""
        return self._floors.get(channel, 0)

    def trimmed(self, floors: Mapping[str, int]) -> None:
        """Take notice of events that were removed from the log."""
        risen = {channel: offset for channel, offset in floors.items() if offset > self.floor(channel)}
        self._metrics.log_trimmed.inc(risen.get(GLOBAL, self.floor(GLOBAL)) - self.floor(GLOBAL))
        self._floors |= risen

    async def look_at_log(self) -> None:
        """Find out whether the log takes writes, where nothing that is under way will show it."""
        if self.available and not self._pending and (failure := await self.writing.failure()) is not None:
            if self.available:
                self._logger.error("store cannot be written", error=str(failure))
            self._start_recovery()

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[int | None]:
        """Be the one that looks after the retention: the number up to which everybody has read the log, or None."""
        yield self.offset(GLOBAL)

    async def changed(self) -> None:
        """Wait for the next durable event."""
        await self._changed.wait()

    async def caught_up(self, channel: str | None = None) -> None:
        """Hold all that is in the log by now, whoever appended it, and know a channel's floor, or else Unavailable."""

    async def present(self, channel: str) -> list[dict[str, Any]]:
        """Who is on a channel, at this replica and all others."""
        return self._hub.present(channel)

    def command(
        self, handler: Handler, data: dict[str, Any], context: Context, request_id: str | None, answer: Answer
    ) -> None:
        """Run a command once; `answer` is called when its outcome is durable, also if it was asked before."""
        scope = f"{context.connection_id} " if handler.per_connection else ""
        key = key_of(context.user_id, scope + request_id) if request_id is not None else None
        if key is not None and self._answers.asked_before(key, answer, time.time()):
            return

        def decide(state: State) -> Decision:
            return _decision(handler.function(state, envelope.convert(data, handler.input_type), context))

        if handler.prepare is None:
            self._submit(decide, key, None, context.connection_id, answer)
        else:
            self._prepare(handler, data, answer, partial(self._command_prepared, handler, context, key, answer))

    def _prepare(
        self, handler: Handler, data: dict[str, Any], answer: Answer, then: "Callable[[asyncio.Future[Any]], None]"
    ) -> None:
        """Do what costs much off the loop; what is decided or answered by it comes afterwards, on the loop."""
        prepare, state = handler.prepare, self.state
        assert prepare is not None
        try:
            self._aside.run(lambda: prepare(state, envelope.convert(data, handler.input_type)), then)
        except Unavailable as refusal:
            answer(Outcome.refused(refusal))

    def _command_prepared(
        self, handler: Handler, context: Context, key: Key | None, answer: Answer, prepared: "asyncio.Future[Any]"
    ) -> None:
        if isinstance(prepared.exception(), Unavailable):
            return answer(UNAVAILABLE)
        if key is not None and self._answers.asked_before(key, answer, time.time()):
            return None
        return self._submit(
            lambda state: _decision(handler.function(state, prepared.result(), context)),
            key,
            None,
            context.connection_id,
            answer,
        )

    def react(self, decide: Decide, position: Position, answer: Answer, basis: Position | None = None) -> None:
        """Record what a bridge's event means here, together with how far the bridge has come (see `Entry.basis`)."""
        self._submit(decide, None, Advance(position, basis), "", answer)

    def query(self, handler: Handler, data: dict[str, Any], context: Context, answer: Answer) -> None:
        """Answer from the state, once everything that it holds is durable."""
        if not self.available:
            return answer(UNAVAILABLE)
        if handler.prepare is None:
            return self._answer(handler, lambda: envelope.convert(data, handler.input_type), context, answer)
        state = self.state

        def prepared(future: "asyncio.Future[Any]") -> None:
            if self.available and self.state is state:
                self._answer(handler, future.result, context, answer)
            else:
                answer(UNAVAILABLE)

        return self._prepare(handler, data, answer, prepared)

    def _answer(self, handler: Handler, asked: Callable[[], Any], context: Context, answer: Answer) -> None:
        try:
            outcome = Outcome.of(handler.function(self.state, asked(), context))
        except ServiceError as refusal:
            outcome = Outcome.refused(refusal)
        except Exception:
            self._logger.exception(
                "query failed", request=handler.name, **concerning(context.connection_id, context.request_id)
            )
            outcome = INTERNAL
        if not self._pending:
            return answer(outcome)
        return self._when_durable(lambda durable: answer(outcome if durable else UNAVAILABLE))

    def _submit(
        self, decide: Decide, key: Key | None, advance: Advance | None, connection_id: str, answer: Answer
    ) -> None:
        if not self.available:
            return answer(UNAVAILABLE)
        try:
            decision = decide(self.state)
            outcome = Outcome.of(decision.answer)
            drafts = [self._draft(event) for event in decision.events]
        except ServiceError as refusal:
            decision, outcome, drafts = Decision({}), Outcome.refused(refusal), []
        except Exception:
            self._logger.exception("command failed", **concerning(connection_id, key and key[1]))
            return answer(INTERNAL)
        if not self._apply(drafts, concerning(connection_id, key and key[1])):
            return answer(INTERNAL)
        return self._record(Decided(decision, outcome, drafts), key, advance, connection_id, answer)

    def _record(
        self, decided: Decided, key: Key | None, advance: Advance | None, connection_id: str, answer: Answer
    ) -> None:
        """Write what was decided, and answer when it is durable; what nobody keeps is only said."""
        decision, outcome, drafts = decided
        now = time.time()
        if key is not None:
            self._answers.begin(key)

        def finish(durable: bool) -> None:
            final = outcome if durable else UNAVAILABLE
            if durable:
                self._announce(decision, connection_id)
                if advance is not None:
                    self.positions[advance.position.source] = advance.position
            if key is not None:
                self._answers.settle(key, final, now)
            answer(final)

        if decided.only_said:
            return self._when_durable(finish)
        stored = StoredAnswer(*key, now, msgspec.json.encode(outcome)) if key is not None else None
        trace = self.tracing.current() if self.tracing is not None else None
        events = tuple(self._number(draft, trace) for draft in drafts)
        return self._append(Entry(events, stored, *(advance or ())), finish)

    def _draft(self, event: Event) -> Draft:
        """The event as it will be read back, so that live and replayed states are the same."""
        channels = tuple(dict.fromkeys(channel for channel in event.channels if channel != GLOBAL))
        for channel in channels:
            if not self.service.channel_kind(channel).persisted:
                raise ValueError(f"{event.name} is to be recorded on the ephemeral channel {channel}")
        data = msgspec.json.encode(event.data)
        return Draft(Event(event.name, channels, msgspec.json.decode(data)), msgspec.Raw(data))

    def _apply(self, drafts: list[Draft], concerned: dict[str, str]) -> bool:
        try:
            for draft in drafts:
                self.state.apply(draft.event)
        except Exception:
            self._logger.exception("an event could not be applied; rebuilding the state", **concerned)
            self._start_recovery()
            return False
        return True

    def _append(self, entry: Entry, finish: Callable[[bool], None]) -> None:
        pending = _Pending(entry.events, finish)
        if self.tracing is not None:
            pending.span = self.tracing.append(len(entry.events))
        self._pending.append(pending)
        self.log.append(entry).add_done_callback(self._settled)

    def _number(self, draft: Draft, trace: str | None) -> StoredEvent:
        channels = tuple((channel, self._reserve(channel)) for channel in draft.event.channels)
        seq, name, at = self._reserve(GLOBAL), draft.event.name, envelope.timestamp()
        return StoredEvent(seq, envelope.fresh_id(), name, at, channels, draft.data, trace)

    def _reserve(self, channel: str) -> int:
        offset = self._reserved.get(channel, 0) + 1
        self._reserved[channel] = offset
        return offset

    def _settled(self, future: "asyncio.Future[None]") -> None:
        """Appends end in the order in which they were made; so do their events and answers go out."""
        pending = self._pending.popleft()
        failure = asyncio.CancelledError() if future.cancelled() else future.exception()
        durable = failure is None
        if pending.span is not None:
            pending.span.end(None if durable else type(failure).__name__)
        if durable:
            self._publish(pending.events)
        else:
            self._logger.error("append failed", error=str(failure))
            self._start_recovery()
        pending.finish(durable)
        for waiting in pending.after:
            waiting(durable)

    def _publish(self, events: Sequence[StoredEvent]) -> None:
        for event in events:
            self._committed[GLOBAL] = event.seq
            self._committed.update(event.channels)
            self._hub.publish(event)
        if events:
            self._announce_change()

    def _announce_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _announce(self, decision: Decision, connection_id: str) -> None:
        """Say what is only said; of a member whose connection ended meanwhile, the hub has said all there is."""
        if decision.membership and not self._hub.connected(connection_id):
            return
        for ephemeral in decision.ephemeral:
            self._hub.publish_ephemeral(ephemeral)
        for change in decision.membership:
            self._hub.change_membership(connection_id, change)

    def _when_durable(self, then: Callable[[bool], None]) -> None:
        if self._pending:
            self._pending[-1].after.append(then)
        else:
            then(True)

    def _start_recovery(self) -> None:
        """Take no more until the state is rebuilt from what the log really holds."""
        if self.available:
            self.available = False
            self._recovery = asyncio.get_running_loop().create_task(self._recover())

    async def _recover(self) -> None:
        while not self.available:
            await asyncio.sleep(_RECOVERY_PAUSE)
            if self._pending:
                continue
            try:
                await self.log.recover()
                await self._rebuild(self.offset(GLOBAL))
            except LogError as error:
                self._logger.warning("log still failing", error=str(error))
            except Exception:
                self._logger.exception("the state cannot be rebuilt")
        self._logger.info("log recovered")

    async def _rebuild(self, published: int | None = None) -> None:
        """Replace the state by what the log holds, and tell of events that turn out to be durable after all."""
        replayed = await replay(self.service, self.log, newer_than=published)
        answers = await self.log.answers(time.time() - self._window)
        positions = await self.log.positions()
        floors = await self.log.floors()
        self.state = replayed.state
        self.positions = {position.source: position for position in positions}
        self._answers.load(answers)
        self._reserved = dict(replayed.offsets)
        if published is None:
            self._floors = {}
        self._floors |= {channel: max(offset, self.floor(channel)) for channel, offset in floors.items()}
        self._hub.epoch = self.log.epoch
        self._publish(replayed.newer)
        self._committed = replayed.offsets
        self.available = True
        self._announce_change()


def _decision(decided: Any) -> Decision:
    if not isinstance(decided, Decision):
        raise TypeError(f"a command decided {type(decided).__name__}, not a Decision")
    return decided
