"""From command to durable, published event: decide, append at the next offset, then publish and answer.

Decisions are taken one after the other against a state that already holds what earlier ones are still writing, so
many commits can be under way at once. Nothing of that is seen outside before it is durable: answers, queries and
refusals wait for the appends that they were decided on. If an append fails, everything decided since is answered
UNAVAILABLE and the state is rebuilt from the log.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.deduplication import INTERNAL, UNAVAILABLE, Answer, Answers, Key, Outcome
from bodhisattva.servers.core.domain import Context, Decision, Event, State
from bodhisattva.servers.core.errors import ServiceError
from bodhisattva.servers.core.hub import Hub
from bodhisattva.servers.core.log.base import Entry, Log, LogError, Position, StoredAnswer, StoredEvent
from bodhisattva.servers.core.metrics import Metrics
from bodhisattva.servers.core.service import GLOBAL, Handler, Service

_RECOVERY_PAUSE = 0.5
Decide = Callable[[State], Decision]


@dataclass
class _Pending:
    """An append under way, and what waits for it."""

    events: tuple[StoredEvent, ...]
    finish: Callable[[bool], None]
    after: list[Callable[[bool], None]] = field(default_factory=list)


class Engine:
    """One service's state and the only writer of its log."""

    def __init__(self, service: Service, log: Log, hub: Hub, metrics: Metrics, window: float) -> None:
        self.service = service
        self.log = log
        self.available = False
        self.state: State = service.state()
        self.positions: dict[str, Position] = {}
        self._hub = hub
        self._metrics = metrics
        self._answers = Answers(window)
        self._window = window
        self._reserved: dict[str, int] = {}
        self._committed: dict[str, int] = {}
        self._pending: deque[_Pending] = deque()
        self._changed = asyncio.Event()
        self._recovery: asyncio.Task[None] | None = None
        self._logger = structlog.get_logger(service=service.name)

    async def start(self) -> None:
        """Open the log and rebuild the state from it."""
        await self.log.open()
        await self._rebuild()

    async def stop(self) -> None:
        """Finish what is under way and close the log."""
        if self._recovery is not None:
            self._recovery.cancel()
        await self.log.close()

    def offset(self, channel: str) -> int:
        """The offset of the channel's last durable event, 0 if it has none."""
        return self._committed.get(channel, 0)

    async def changed(self) -> None:
        """Wait for the next durable event."""
        await self._changed.wait()

    def command(
        self, handler: Handler, data: dict[str, Any], context: Context, request_id: str | None, answer: Answer
    ) -> None:
        """Run a command once; `answer` is called when its outcome is durable, also if it was asked before."""
        key = (context.user_id, request_id) if request_id is not None else None
        if key is not None and self._answers.asked_before(key, answer, time.time()):
            return

        def decide(state: State) -> Decision:
            return _decision(handler.function(state, envelope.convert(data, handler.input_type), context))

        self._submit(decide, key, None, context.connection_id, answer)

    def react(self, decide: Decide, position: Position, answer: Answer) -> None:
        """Record what a bridge's event means here, together with how far the bridge has come."""
        self._submit(decide, None, position, "", answer)

    def query(self, handler: Handler, data: dict[str, Any], context: Context, answer: Answer) -> None:
        """Answer from the state, once everything that it holds is durable."""
        if not self.available:
            return answer(UNAVAILABLE)
        try:
            asked = envelope.convert(data, handler.input_type)
            outcome = Outcome(handler.function(self.state, asked, context))
        except ServiceError as refusal:
            outcome = Outcome.refused(refusal)
        except Exception:
            self._logger.exception("query failed", request=handler.name)
            outcome = INTERNAL
        return self._when_durable(lambda durable: answer(outcome if durable else UNAVAILABLE))

    def _submit(
        self, decide: Decide, key: Key | None, position: Position | None, connection_id: str, answer: Answer
    ) -> None:
        if not self.available:
            return answer(UNAVAILABLE)
        try:
            decision = decide(self.state)
            outcome = Outcome(decision.answer)
        except ServiceError as refusal:
            decision, outcome = Decision({}), Outcome.refused(refusal)
        except Exception:
            self._logger.exception("command failed")
            return answer(INTERNAL)
        if not decision.events and (decision.ephemeral or decision.membership):
            return self._say(decision, connection_id, outcome, answer)
        return self._append(decision, outcome, key, position, connection_id, answer)

    def _say(self, decision: Decision, connection_id: str, outcome: Outcome, answer: Answer) -> None:
        """What nobody keeps is not written either; it still comes after what it was decided on."""

        def then(durable: bool) -> None:
            if durable:
                self._announce(decision, connection_id)
            answer(outcome if durable else UNAVAILABLE)

        self._when_durable(then)

    def _append(
        self,
        decision: Decision,
        outcome: Outcome,
        key: Key | None,
        position: Position | None,
        connection_id: str,
        answer: Answer,
    ) -> None:
        try:
            for event in decision.events:
                self.state.apply(event)
        except Exception:
            self._logger.exception("an event could not be applied; rebuilding the state")
            self._start_recovery()
            return answer(INTERNAL)
        now = time.time()
        events = tuple(self._number(event) for event in decision.events)
        stored = StoredAnswer(*key, now, msgspec.json.encode(outcome)) if key is not None else None
        if key is not None:
            self._answers.begin(key)

        def finish(durable: bool) -> None:
            final = outcome if durable else UNAVAILABLE
            if durable:
                self._announce(decision, connection_id)
                if position is not None:
                    self.positions[position.source] = position
            if key is not None:
                self._answers.settle(key, final, now)
            answer(final)

        self._pending.append(_Pending(events, finish))
        self._metrics.log_lag.set(len(self._pending))
        self.log.append(Entry(events, stored, position)).add_done_callback(self._settled)
        return None

    def _number(self, event: Event) -> StoredEvent:
        channels = tuple((channel, self._reserve(channel)) for channel in event.channels)
        return StoredEvent(
            self._reserve(GLOBAL),
            envelope.fresh_id(),
            event.name,
            envelope.timestamp(datetime.now(UTC)),
            channels,
            msgspec.Raw(msgspec.json.encode(event.data)),
        )

    def _reserve(self, channel: str) -> int:
        offset = self._reserved.get(channel, 0) + 1
        self._reserved[channel] = offset
        return offset

    def _settled(self, future: "asyncio.Future[None]") -> None:
        """Appends end in the order in which they were made; so do their events and answers go out."""
        pending = self._pending.popleft()
        self._metrics.log_lag.set(len(self._pending))
        durable = not future.cancelled() and future.exception() is None
        if durable:
            self._publish(pending.events)
        else:
            self._logger.error("append failed", error=str(future.exception()))
            self._start_recovery()
        pending.finish(durable)
        for waiting in pending.after:
            waiting(durable)

    def _publish(self, events: tuple[StoredEvent, ...]) -> None:
        for event in events:
            self._committed[GLOBAL] = event.seq
            self._committed.update(event.channels)
            self._hub.publish(event)
        if events:
            self._changed.set()
            self._changed = asyncio.Event()

    def _announce(self, decision: Decision, connection_id: str) -> None:
        for ephemeral in decision.ephemeral:
            self._hub.say(ephemeral)
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
                await self._rebuild()
            except LogError as error:
                self._logger.warning("log still failing", error=str(error))
        self._logger.info("log recovered")

    async def _rebuild(self) -> None:
        self.state = self.service.state()
        self._committed = {}
        async for chunk in self.log.replay():
            for stored in chunk:
                channels = tuple(channel for channel, _ in stored.channels)
                self.state.apply(Event(stored.name, channels, msgspec.json.decode(stored.data)))
                self._committed[GLOBAL] = stored.seq
                self._committed.update(stored.channels)
        self._reserved = dict(self._committed)
        self._answers.load(list(await self.log.answers(time.time() - self._window)))
        self.positions = {position.source: position for position in await self.log.positions()}
        self._hub.epoch = self.log.epoch
        self.available = True


def _decision(decided: Any) -> Decision:
    if not isinstance(decided, Decision):
        raise TypeError(f"a command decided {type(decided).__name__}, not a Decision")
    return decided
