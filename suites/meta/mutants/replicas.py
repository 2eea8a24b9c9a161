"""Servers that are wrong in what replicas of one service agree on."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext, suppress
from itertools import islice
from typing import Any
from unittest.mock import patch

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.engine.commands import Command, PreparedAppend
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.errors import ServiceError, Unavailable
from bodhisattva.servers.core.log.base import Entry, LogError, Position, StoredEvent
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.replicas.log_follower import LogFollower
from bodhisattva.servers.core.replicas.replica_bus import ReplicaBus
from bodhisattva.servers.core.replicas.resynchronization import Resynchronization
from bodhisattva.servers.core.replicas.shared_appender import SharedAppender
from bodhisattva.servers.core.runtime import ServiceRuntime
from bodhisattva.servers.session_buddy import sessions
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "REPLICAS-007",
    wrong="shows the members that are connected to it, and not those of other replicas",
    failure="members: ",
)
def shows_only_its_own_members(inject: Inject) -> None:
    async def present(bus: ReplicaBus, channel: str) -> list[dict[str, Any]]:
        return bus._hub.present(channel)

    inject(ReplicaBus, "present", present)


@mutant(
    "REPLICAS-008", wrong="sends ephemeral events to its own subscribers only", failure="in vain for event cursor.moved"
)
def publishes_ephemeral_events_to_its_own_subscribers(inject: Inject) -> None:
    def send_nothing(bus: ReplicaBus, event: Event) -> None:
        return None

    inject(ReplicaBus, "send_ephemeral", send_nothing)


class Renamed:
    """The log under an epoch of this process's own."""

    def __init__(self, log: Any) -> None:
        self.epoch = fresh_id()
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


@mutant(
    "REPLICAS-002",
    wrong="gives the log another epoch at each replica",
    failure="does not know the position",
    also=("REPLICAS-001",),
)
def numbers_each_replica_its_own_log(inject: Inject) -> None:
    begin = Engine.__init__

    def begin_with_own_epoch(engine: Engine, service: Any, log: Any, *others: Any) -> None:
        begin(engine, service, Renamed(log), *others)

    inject(Engine, "__init__", begin_with_own_epoch)


@mutant(
    "REPLICAS-003",
    wrong="answers queries from the state that it has, without a read barrier",
    failure="was refused",
)
def answers_queries_from_memory(inject: Inject) -> None:
    arrival = RedisLog.arrival

    def at_once(appender: SharedAppender, then: Callable[[bool], None], seq: int | None) -> None:
        then(True)

    async def late(log: RedisLog) -> int | None:
        """On one machine the news are there before the next query; elsewhere they are not."""
        seen = await arrival(log)
        await asyncio.sleep(0.5)
        return seen

    inject(SharedAppender, "_wait_for", at_once)
    inject(RedisLog, "arrival", late)


@mutant(
    "REPLICAS-010",
    wrong="answers commands before they are in the log that its replicas share",
    failure="answered and forgotten",
)
def answers_before_the_append(inject: Inject) -> None:
    prepare_all, append = SharedAppender._prepare_all, RedisLog.append

    def prepare_and_answer(appender: SharedAppender, batch: Any, known: Any) -> list[PreparedAppend]:
        """Answer what was just decided, and not when it is committed."""
        prepared = prepare_all(appender, batch, known)
        for each in prepared:
            each.command.answer(each.outcome)
        return [each._replace(command=each.command._replace(answer=answered)) for each in prepared]

    def answered(_: Outcome) -> None:
        """It was answered before."""

    async def append_later(log: RedisLog, *entries: Entry, more: bool = False) -> None:
        await asyncio.sleep(1.5 if len(entries) > 1 else 0.0)  # long enough for a kill amid many commands
        await append(log, *entries, more=more)

    inject(SharedAppender, "_prepare_all", prepare_and_answer)
    inject(RedisLog, "append", append_later)


@mutant(
    "REPLICAS-005",
    wrong="decides on the state that it has, and stores that wherever the log has come to meanwhile",
    failure="set version",
    also=("REPLICAS-006",),
)
def decides_on_a_stale_state(inject: Inject) -> None:
    async def append_batch(appender: SharedAppender) -> None:
        while appender._commands and appender._settle_ephemeral(appender._commands[0]):
            pass
        batch = list(islice(appender._commands, 200))
        if not batch:
            return
        prepared = appender._prepare_all(batch, {})
        grant = None
        while grant is None:
            grant = await appender._log.acquire([], 0)
            await asyncio.sleep(0.01)
        await appender._follower.read_on()
        ends: dict[str, int] = {}
        moved = [_moved(appender, each, ends) for each in prepared]
        await appender._log.append(*(each.entry for each in moved))
        for each in moved:
            appender._commands.popleft()
            appender._processor.commit(each)
        appender._set_in_step(durable=True)

    def _moved(appender: SharedAppender, prepared: PreparedAppend, ends: dict[str, int]) -> PreparedAppend:
        """The same decision behind what the log holds by now."""

        def next_offset(channel: str) -> int:
            ends[channel] = ends.get(channel, appender._projection.offset(channel)) + 1
            return ends[channel]

        events: list[StoredEvent] = []
        for event in prepared.entry.events:
            channels = tuple((channel, next_offset(channel)) for channel, _ in event.channels)
            events.append(msgspec.structs.replace(event, seq=next_offset(GLOBAL), channels=channels))
        return prepared._replace(entry=msgspec.structs.replace(prepared.entry, events=tuple(events)))

    inject(SharedAppender, "_append_batch", append_batch)


@mutant(
    "REPLICAS-013",
    wrong="does not go on when its store is back, until it is started again",
    failure="in vain for: /ready to answer 200",
)
def does_not_reconnect_to_its_store(inject: Inject) -> None:
    async def give_up(_: Resynchronization, _failure: BaseException) -> None:
        await asyncio.Event().wait()

    inject(Resynchronization, "attempt", give_up)


@mutant(
    "REPLICAS-001",
    wrong="does not follow what other replicas append, until it has a request itself",
    failure="in vain for event",
)
def ignores_appends_of_other_replicas(inject: Inject) -> None:
    async def watch_nothing(_: LogFollower) -> None:
        await asyncio.Event().wait()

    inject(LogFollower, "watch", watch_nothing)


@mutant(
    "REPLICAS-044",
    wrong="finds out that its store takes no writes only when a command is to be written",
    failure="in vain for: /ready to answer 503",
)
def waits_for_a_command_to_find_its_store_full(inject: Inject) -> None:
    async def watch_without_probes(follower: LogFollower) -> None:
        while True:
            with suppress(LogError, Unavailable):
                await follower._barrier(await follower._log.arrival())
                continue
            await asyncio.sleep(0.2)
            with suppress(Unavailable):
                await follower._barrier(None)

    inject(LogFollower, "watch", watch_without_probes)


@mutant(
    "REPLICAS-006",
    wrong="checks whether a name is taken when a request comes, and not again when it appends",
    failure="of 4 made the same",
)
def checks_names_before_its_turn_only(inject: Inject) -> None:
    submit = SharedAppender.submit

    def take(_held: Any, wanted: str | None, _field: str, context: Context) -> str:
        return wanted or context.new_id()

    def submit_looked_at(appender: SharedAppender, command: Command) -> None:
        try:
            command.decide(appender._projection.state)
        except ServiceError:
            free = False
        else:
            free = True

        def decide_later(state: Any) -> Decision:
            with patch.object(sessions, "claim_id", take) if free else nullcontext():
                return command.decide(state)

        submit(appender, command._replace(decide=decide_later))

    inject(SharedAppender, "submit", submit_looked_at)


@mutant(
    "REPLICAS-020",
    wrong="takes a bridge's events in at each replica, which keeps to itself how far it has come",
    failure="not once each",
)
def crosses_once_at_each_replica(inject: Inject) -> None:
    submit = SharedAppender.submit
    own: dict[str, Position] = {}

    def submit_without_place(appender: SharedAppender, command: Command) -> None:
        def note(outcome: Outcome) -> None:
            if command.advance is not None and outcome.code is None:
                own[command.advance.position.source] = command.advance.position
            command.answer(outcome)

        submit(appender, command._replace(advance=None, answer=note))

    def position(_: ServiceRuntime, source: str) -> Position | None:
        return own.get(source)

    inject(SharedAppender, "submit", submit_without_place)
    inject(ServiceRuntime, "position", position)
