"""The engine of a service that shares its log with other replicas of itself.

One task talks to the log, so that state and log move in step. In its turn, it takes in what others appended, decides
all commands that wait, one after the other, and appends the decisions at exactly the place that they were decided on.
The turn keeps replicas out of each other's way, the place keeps them right: whoever held a turn too long finds that
others were faster, takes everything back and decides again. Nothing is told or answered before it is in the log.
Queries and subscriptions wait for a look at the log, and so see every command that was answered before they were
asked, wherever that was.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import islice
from typing import Any

import msgspec

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.engine.deduplication import INTERNAL, UNAVAILABLE, Answer, Key, Outcome
from bodhisattva.servers.core.engine.engine import Advance, Decide, Decided, Draft, Engine
from bodhisattva.servers.core.engine.waiting import Asker, Command, Ready, Unappliable, Watch
from bodhisattva.servers.core.errors import ServiceError, Unavailable
from bodhisattva.servers.core.log.base import (
    AnsweredBefore,
    Entry,
    LogError,
    LogLost,
    LogMoved,
    LogTrimmed,
    PositionTaken,
    SharedLog,
    StoredAnswer,
    StoredEvent,
)
from bodhisattva.servers.core.replicas.keeper import keeping
from bodhisattva.servers.core.replicas.neighbours import Neighbours
from bodhisattva.servers.core.service import Handler, Service
from bodhisattva.servers.core.supervisor import cancelled, supervised
from bodhisattva.servers.core.telemetry.logs import concerning
from bodhisattva.servers.core.telemetry.metrics import Metrics

_PAUSE = 0.2  # seconds between attempts to reach the log again
_BATCH = 200  # commands that are decided and stored together
_TURN_PAUSE = 0.01  # seconds between attempts to get the turn, where nothing is heard that ends it
_GAPS: dict[type[Exception], str] = {LogLost: "The log has a new epoch", LogTrimmed: "Events were missed"}
_LONG_PAUSE = 5.0  # the same, where it was reached, and what it holds is of no use


class Replica(Engine):
    """See `Engine`; `watch` hears of the log's troubles."""

    shared = True

    def __init__(
        self, service: Service, log: SharedLog, hub: Hub, metrics: Metrics, window: float, watch: Watch
    ) -> None:
        super().__init__(service, log, hub, metrics, window)
        self._shared = log
        self._watch = watch
        self._commands: deque[Command] = deque()
        self._askers: list[Asker] = []
        self._rebuilt_at = 0  # the floor of the log when all floors were read
        self._looks: dict[str, asyncio.Task[None]] = {}  # at floors of channels, under way
        self._ahead = False  # whether the state holds what the log may not
        self._quiet = False  # whether nobody has written for a moment, so that nothing shows if the log takes writes
        self._due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._neighbours = Neighbours(log, hub, lambda: self.offset(GLOBAL) if self.available else None)

    async def start(self) -> None:
        await super().start()
        await self._wake()

    async def _wake(self) -> None:
        loop = asyncio.get_running_loop()
        work = {"conversation with the log": self._drive, "look for news": self._listen}
        self._tasks = [loop.create_task(supervised(name, each, self._logger)) for name, each in work.items()]
        await self._neighbours.start()

    async def stop(self) -> None:
        """Finish what waits, unless the log cannot be reached."""
        with suppress(Unavailable):
            while self._commands or self._askers:
                await self.caught_up()
        await self._neighbours.stop()
        await cancelled(*self._tasks, *self._looks.values())
        self._refuse_all()
        await super().stop()

    @property
    def lag(self) -> int:
        return len(self._commands)

    async def caught_up(self, channel: str | None = None) -> None:
        await self._see(None)
        if channel is not None and self.floor(GLOBAL) > self._rebuilt_at:
            await asyncio.shield(self._look_at(channel))

    async def _floor_of(self, channel: str) -> None:
        self.trimmed(await self._shared.floors_of(channel))

    def _look_at(self, channel: str) -> "asyncio.Task[None]":
        """One look at a channel's floor for all who want it now, so that who asked first is answered first."""
        look = self._looks.get(channel)
        if look is None:
            look = asyncio.get_running_loop().create_task(self._floor_of(channel))
            self._looks[channel] = look
            look.add_done_callback(lambda _: self._looks.pop(channel))
        return look

    async def look_at_log(self) -> None:
        """It is looked at all the time, and clients are told."""

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[int | None]:
        async with keeping(self._shared, self._neighbours, self.offset(GLOBAL)) as told:
            if told is not None:
                self.trimmed(await self._shared.floors_of(GLOBAL))
            yield told

    async def _see(self, seq: int | None) -> None:
        """Hold the log up to a number, which may just be coming from here, or all that is in it by now."""
        looked: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def tell(seen: bool) -> None:
            if not looked.done():
                looked.set_result(seen)

        self._ask(tell, seq)
        if not await looked:
            raise Unavailable("The store cannot be read now; try again.", retry_after=1.0)

    async def present(self, channel: str) -> list[dict[str, Any]]:
        return await self._neighbours.present(channel)

    def command(
        self, handler: Handler, data: dict[str, Any], context: Context, request_id: str | None, answer: Answer
    ) -> None:
        """What is prepared off the loop is prepared from all that is in the log by now."""
        if handler.prepare is None:
            return super().command(handler, data, context, request_id, answer)

        def prepare(seen: bool) -> None:
            if seen:
                super(Replica, self).command(handler, data, context, request_id, answer)
            else:
                answer(UNAVAILABLE)

        return self._ask(prepare)

    def query(self, handler: Handler, data: dict[str, Any], context: Context, answer: Answer) -> None:
        def ask(seen: bool) -> None:
            if seen:
                super(Replica, self).query(handler, data, context, answer)
            else:
                answer(UNAVAILABLE)

        self._ask(ask)

    def _ask(self, tell: Callable[[bool], None], seq: int | None = None) -> None:
        """Call `tell` once the state holds all that is in the log by now, or with False."""
        if not self.available:
            tell(False)
        else:
            self._askers.append(Asker(tell, seq))
            self._due.set()

    def _submit(
        self, decide: Decide, key: Key | None, advance: Advance | None, connection_id: str, answer: Answer
    ) -> None:
        if not self.available:
            return answer(UNAVAILABLE)
        if key is not None:
            self._answers.begin(key)
        trace = self.tracing.current() if self.tracing is not None else None
        self._commands.append(Command(decide, key, advance, connection_id, answer, trace))
        self._due.set()
        return None

    async def _drive(self) -> None:
        """The one conversation with the log."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                while self._askers or self._commands:
                    await self._look()
                    await self._execute()
            except Exception as error:  # noqa: BLE001 - logged, and told to whoever waits
                await self._follow_again(error)

    async def _listen(self) -> None:
        """Have the driver look when there are news, and else whether the log is still what it was and takes writes."""
        while True:
            try:
                arrived = await self._shared.arrival()
                self._quiet = arrived is None
                await self._see(arrived)
            except (LogError, Unavailable):
                await asyncio.sleep(_PAUSE)
                with suppress(Unavailable):
                    await self.caught_up()

    async def _look(self) -> None:
        """Catch up with the log, if anybody asked for what is not there yet."""
        askers, self._askers = self._askers, []
        try:
            if any(asker.seq is None or asker.seq > self.offset(GLOBAL) for asker in askers):
                await self._read_on()
            if self._quiet:
                self._quiet = False
                await self.log.recover()
        except BaseException:
            self._askers = [*askers, *self._askers]
            raise
        for asker in askers:
            asker.tell(True)

    async def _read_on(self) -> None:
        async for chunk in self._shared.newer():
            self._take_in(chunk)
        self.trimmed({GLOBAL: self._shared.floor})

    async def _rebuild(self, published: int | None = None) -> None:
        await super()._rebuild(published)
        self._rebuilt_at = self.floor(GLOBAL)

    def _take_in(self, events: Sequence[StoredEvent]) -> None:
        """Apply and tell what is in the log."""
        for stored in events:
            channels = tuple(channel for channel, _ in stored.channels)
            self.state.apply(Event(stored.name, channels, msgspec.json.decode(stored.data)))
            self._publish([stored])

    async def _execute(self) -> None:
        """Execute what waits: at once what is only said, the rest in a turn, if it can be had now."""
        while self._commands and self._say(self._commands[0]):
            pass
        batch = list(islice(self._commands, _BATCH))
        if not batch:
            return
        keys = [command.key for command in batch if command.key is not None]
        turn = await self._shared.take(keys, time.time() - self._window)
        if turn is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_TURN_PAUSE):
                    await self._due.wait()
            return
        await self._read_on()
        self.positions = {position.source: position for position in turn.positions}
        known = {(answer.user_id, answer.request_id): answer for answer in turn.answers}
        try:
            ready = self._decide_all(batch, known)
            with self._traced(batch, ready):
                await self._shared.propose(*(each.entry for each in ready), more=len(self._commands) > len(batch))
        except (Unappliable, LogMoved, AnsweredBefore, PositionTaken) as error:
            self._logger.warning("decisions are taken back and taken again", reason=str(error))
            await self._rebuild(self.offset(GLOBAL))
            self._ahead = False
        else:
            self._ahead = False
            for each in ready:
                self._finish(each)

    @contextmanager
    def _traced(self, batch: Sequence[Command], ready: Sequence[Ready]) -> Iterator[None]:
        """Each command's part of the writing, as a part of its trace."""
        together = zip(batch, ready, strict=True) if self.tracing is not None else ()
        spans = [
            self.tracing.append(len(each.entry.events), command.trace)
            for command, each in together
            if self.tracing is not None and command.trace is not None
        ]
        error: str | None = "cancelled"
        try:
            yield
            error = None
        except LogError as failure:
            error = type(failure).__name__
            raise
        finally:
            for span in spans:
                span.end(error)

    def _say(self, command: Command) -> bool:
        """Whether a command was done with without the log, since it comes to nothing that anybody keeps."""
        decided = self._decide(command)
        if decided is None:
            self._settle(INTERNAL)
        elif decided.only_said:
            self._finish(Ready(decided.decision, decided.outcome, Entry()))
        else:
            return False
        return True

    def _decide_all(self, batch: Sequence[Command], known: Mapping[Key, StoredAnswer]) -> list[Ready]:
        """Decide one after the other, each on a state that holds what the earlier ones decided."""
        numbers: dict[str, int] = {}
        ready: list[Ready] = []
        for command in batch:
            if command.key is not None and command.key in known:
                first = msgspec.json.decode(known[command.key].outcome, type=Outcome)
                ready.append(Ready(Decision({}), first, Entry()))
            elif command.advance is not None and not self._advances(command.advance):
                ready.append(Ready(Decision({}), Outcome.of({}), Entry()))
            else:
                ready.append(self._decide_ahead(command, numbers))
        return ready

    def _decide_ahead(self, command: Command, numbers: dict[str, int]) -> Ready:
        """Decide and apply, before it is known that the log takes it; Unappliable after having answered that."""
        decided = self._decide(command)
        if decided is None:
            return Ready(Decision({}), INTERNAL, Entry())
        decision, outcome, drafts = decided
        if decided.only_said:
            return Ready(decision, outcome, Entry())
        if drafts:
            self._ahead = True
        try:
            for draft in drafts:
                self.state.apply(draft.event)
        except Exception as error:
            self._logger.exception("an event could not be applied; rebuilding the state", **_concerned(command))
            self._settle(INTERNAL, command)
            raise Unappliable("an event could not be applied") from error
        events, answer = self._numbered(drafts, numbers, command.trace), None
        if command.key is not None:
            answer = StoredAnswer(*command.key, time.time(), msgspec.json.encode(outcome))
        return Ready(decision, outcome, Entry(events, answer, *(command.advance or ())))

    def _advances(self, advance: Advance) -> bool:
        """Whether a source's event has not yet taken effect, here or at another replica."""
        position, basis = advance
        return position.follows(self.positions.get(position.source), basis)

    def _finish(self, ready: Ready) -> None:
        """The first command is in the log, or needs not be: tell and answer."""
        command = self._commands[0]
        self._publish(ready.entry.events)
        self._announce(ready.decision, command.connection_id)
        if ready.entry.position is not None:
            self.positions[ready.entry.position.source] = ready.entry.position
        self._settle(ready.outcome)

    def _decide(self, command: Command) -> Decided | None:
        """What the command comes to on the state as it is; None if it cannot be handled."""
        try:
            decision = command.decide(self.state)
            return Decided(decision, Outcome.of(decision.answer), [self._draft(event) for event in decision.events])
        except ServiceError as refusal:
            return Decided(Decision({}), Outcome.refused(refusal), [])
        except Exception:
            self._logger.exception("command failed", **_concerned(command))
            return None

    def _numbered(self, drafts: Sequence[Draft], numbers: dict[str, int], trace: str | None) -> tuple[StoredEvent, ...]:
        """The drafts at the places that come next, behind those that `numbers` says are taken."""

        def place(channel: str) -> int:
            numbers[channel] = numbers.get(channel, self.offset(channel)) + 1
            return numbers[channel]

        return tuple(
            StoredEvent(
                place(GLOBAL),
                envelope.fresh_id(),
                draft.event.name,
                envelope.timestamp(),
                tuple((channel, place(channel)) for channel in draft.event.channels),
                draft.data,
                trace,
            )
            for draft in drafts
        )

    def _settle(self, outcome: Outcome, command: Command | None = None) -> None:
        """A command, the first unless it is said which, has its outcome."""
        if command is None:
            command = self._commands.popleft()
        else:
            self._commands.remove(command)
        if command.key is not None:
            self._answers.settle(command.key, outcome, time.time())
        command.answer(outcome)

    def _refuse_all(self) -> None:
        """Leave nobody waiting."""
        askers, self._askers = self._askers, []
        for asker in askers:
            asker.tell(False)
        while self._commands:
            self._settle(UNAVAILABLE)

    async def _follow_again(self, error: Exception) -> None:
        """Take no more until state and log are in step again.

        A log that could not be reached is read on behind what was told last. One that is not the continuation of what
        was told gets another epoch, however often that fails. If so, or if what came next was removed, all who listen
        have to come again and hear that they cannot be resumed.
        """
        self._turn_away(error)
        gap, lost, rebuild = "", False, self._ahead
        while not self.available:
            gap = gap or _GAPS.get(type(error), "")
            lost |= isinstance(error, LogLost)
            rebuild |= bool(gap) or not isinstance(error, LogError)
            try:
                await self.log.recover()
                if lost:
                    await self._shared.renew()
                    lost = False
                if rebuild and not gap:
                    await self._shared.check_held()  # a replay from the beginning misses no end
                if rebuild:
                    await self._rebuild(None if gap else self.offset(GLOBAL))
                else:
                    await self._read_on()
                    self.available = True
            except Exception as again:  # noqa: BLE001 - whatever it is, the service stays unavailable and says so
                if str(again) != str(error):
                    self._logger.warning("store still unavailable", error=f"{type(again).__name__}: {again}")
                error = again
                await asyncio.sleep(_PAUSE if isinstance(again, LogError) else _LONG_PAUSE)
        self._ahead = False
        if gap:
            self._watch.lost(gap)
        self._watch.reachable(True)
        self._announce_change()
        self._logger.warning("store available again", passed_over=gap or None)

    def _turn_away(self, error: Exception) -> None:
        if not isinstance(error, LogError):
            self._logger.error("the state does not follow the log", exc_info=error)
        self._logger.error("store unavailable", error=str(error))
        self.available = False
        self._watch.reachable(False)
        self._refuse_all()


def _concerned(command: Command) -> dict[str, str]:
    return concerning(command.connection_id, command.key and command.key[1])
