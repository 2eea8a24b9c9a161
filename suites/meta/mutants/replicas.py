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
from bodhisattva.servers.core.engine.deduplication import Answer, Outcome
from bodhisattva.servers.core.engine.waiting import Ready
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.errors import ServiceError, Unavailable
from bodhisattva.servers.core.log.base import Entry, LogError, Position, StoredEvent
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.replicas.neighbours import Neighbours
from bodhisattva.servers.core.replicas.replica import Replica
from bodhisattva.servers.core.runtime import ServiceRuntime
from bodhisattva.servers.session_buddy import sessions
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "REPLICAS-007",
    wrong="shows the members that are connected to it, and not those of other replicas",
    failure="members: ",
)
def shows_only_its_own_members(inject: Inject) -> None:
    async def present(neighbours: Neighbours, channel: str) -> list[dict[str, Any]]:
        return neighbours._hub.present(channel)

    inject(Neighbours, "present", present)


@mutant(
    "REPLICAS-008", wrong="sends ephemeral events to its own subscribers only", failure="in vain for event cursor.moved"
)
def publishes_ephemeral_events_to_its_own_subscribers(inject: Inject) -> None:
    def say(neighbours: Neighbours, event: Event) -> None:
        return None

    inject(Neighbours, "say", say)


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
    begin = Replica.__init__

    def begin_with_own_epoch(replica: Replica, *arguments: Any, **named: Any) -> None:
        begin(replica, *arguments, **named)
        replica.log = Renamed(replica.log)

    inject(Replica, "__init__", begin_with_own_epoch)


@mutant(
    "REPLICAS-003",
    wrong="answers queries from the state that it has, without a read barrier",
    failure="was refused",
)
def answers_queries_from_memory(inject: Inject) -> None:
    arrival = RedisLog.arrival

    def answer_at_once(replica: Replica, tell: Callable[[bool], None], seq: int | None = None) -> None:
        tell(True)

    async def late(log: RedisLog) -> int | None:
        """On one machine the news are there before the next query; elsewhere they are not."""
        seen = await arrival(log)
        await asyncio.sleep(0.5)
        return seen

    inject(Replica, "_ask", answer_at_once)
    inject(RedisLog, "arrival", late)


@mutant(
    "REPLICAS-010",
    wrong="answers commands before they are in the log that its replicas share",
    failure="answered and forgotten",
)
def answers_before_the_append(inject: Inject) -> None:
    decide_all, propose = Replica._decide_all, RedisLog.propose

    def decide_and_answer(replica: Replica, batch: Any, known: Any) -> Any:
        """Answer what was just decided, and not when the caller finishes it."""
        ready = decide_all(replica, batch, known)
        for number, (command, each) in enumerate(zip(batch, ready, strict=True)):
            replica._commands[number] = command._replace(answer=answered)
            command.answer(each.outcome)
        return ready

    def answered(_: Outcome) -> None:
        """It was answered before."""

    async def propose_later(log: RedisLog, *entries: Entry, more: bool = False) -> None:
        await asyncio.sleep(0.5)
        await propose(log, *entries, more=more)

    inject(Replica, "_decide_all", decide_and_answer)
    inject(RedisLog, "propose", propose_later)


@mutant(
    "REPLICAS-005",
    wrong="decides on the state that it has, and stores that wherever the log has come to meanwhile",
    failure="set version",
    also=("REPLICAS-006",),
)
def decides_on_a_stale_state(inject: Inject) -> None:
    async def execute(replica: Replica) -> None:
        while replica._commands and replica._say(replica._commands[0]):
            pass
        batch = list(islice(replica._commands, 200))
        if not batch:
            return
        ready = replica._decide_all(batch, {})
        turn = None
        while turn is None:
            turn = await replica._shared.take([], 0)
            await asyncio.sleep(0.01)
        await replica._read_on()
        ends: dict[str, int] = {}
        moved = [_moved(replica, each, ends) for each in ready]
        await replica._shared.propose(*(each.entry for each in moved))
        replica._ahead = False
        for each in moved:
            replica._finish(each)

    def _moved(replica: Replica, ready: Ready, ends: dict[str, int]) -> Ready:
        """The same decision behind what the log holds by now."""

        def place(channel: str) -> int:
            ends[channel] = ends.get(channel, replica.offset(channel)) + 1
            return ends[channel]

        events: list[StoredEvent] = []
        for event in ready.entry.events:
            channels = tuple((channel, place(channel)) for channel, _ in event.channels)
            events.append(msgspec.structs.replace(event, seq=place(GLOBAL), channels=channels))
        return ready._replace(entry=msgspec.structs.replace(ready.entry, events=tuple(events)))

    inject(Replica, "_execute", execute)


@mutant(
    "REPLICAS-013",
    wrong="does not go on when its store is back, until it is started again",
    failure="in vain for: /ready to answer 200",
)
def does_not_reconnect_to_its_store(inject: Inject) -> None:
    async def give_up(replica: Replica, error: Exception) -> None:
        replica._turn_away(error)
        await asyncio.Event().wait()

    inject(Replica, "_follow_again", give_up)


@mutant(
    "REPLICAS-001",
    wrong="does not follow what other replicas append, until it has a request itself",
    failure="in vain for event",
)
def ignores_appends_of_other_replicas(inject: Inject) -> None:
    async def listen(_: Replica) -> None:
        await asyncio.Event().wait()

    inject(Replica, "_listen", listen)


@mutant(
    "REPLICAS-044",
    wrong="finds out that its store takes no writes only when a command is to be written",
    failure="in vain for: /ready to answer 503",
)
def waits_for_a_command_to_find_its_store_full(inject: Inject) -> None:
    async def only_check(replica: Replica) -> None:
        while True:
            with suppress(LogError, Unavailable):
                await replica._see(await replica._shared.arrival())
                continue
            await asyncio.sleep(0.2)
            with suppress(Unavailable):
                await replica.caught_up()

    inject(Replica, "_listen", only_check)


@mutant(
    "REPLICAS-006",
    wrong="checks whether a name is taken when a request comes, and not again when it appends",
    failure="of 4 made the same",
)
def checks_names_before_its_turn_only(inject: Inject) -> None:
    submit = Replica._submit

    def take(_held: Any, wanted: str | None, _field: str, context: Context) -> str:
        return wanted or context.new_id()

    def submit_checked(replica: Replica, decide: Any, *others: Any) -> None:
        try:
            decide(replica.state)
        except ServiceError:
            free = False
        else:
            free = True

        def decide_later(state: Any) -> Decision:
            with patch.object(sessions, "claim_id", take) if free else nullcontext():
                decision: Decision = decide(state)
                return decision

        submit(replica, decide_later, *others)

    inject(Replica, "_submit", submit_checked)


@mutant(
    "REPLICAS-020",
    wrong="takes a bridge's events in at each replica, which keeps to itself how far it has come",
    failure="not once each",
)
def crosses_once_at_each_replica(inject: Inject) -> None:
    submit = Replica._submit
    own: dict[str, Position] = {}

    def submit_without_place(
        replica: Replica, decide: Any, key: Any, advance: Any, connection_id: str, answer: Answer
    ) -> None:
        def note(outcome: Outcome) -> None:
            if advance is not None and outcome.code is None:
                own[advance.position.source] = advance.position
            answer(outcome)

        submit(replica, decide, key, None, connection_id, note)

    def position(_: ServiceRuntime, source: str) -> Position | None:
        return own.get(source)

    inject(Replica, "_submit", submit_without_place)
    inject(ServiceRuntime, "position", position)
