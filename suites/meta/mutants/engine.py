"""Servers that are wrong in how they execute commands and queries."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import uuid4, uuid5

from msgspec.structs import replace

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.domain import Context
from bodhisattva.servers.core.engine.aside import Aside
from bodhisattva.servers.core.engine.deduplication import Answer, Key, Outcome
from bodhisattva.servers.core.engine.engine import Decided, Engine
from bodhisattva.servers.core.engine.reading import Reading
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log.base import Entry, StoredEvent
from bodhisattva.servers.core.service import Handler
from bodhisattva.servers.session_buddy import snippets
from bodhisattva.suites.meta.inject import Inject, mutant

T = TypeVar("T")
SELF = uuid4()


@mutant(
    "PERFORMANCE-210",
    wrong="searches while all others wait, and takes the snippet of a whole text",
    failure="another client waited",
)
def searches_while_all_wait(inject: Inject) -> None:
    def run_at_once(aside: Aside, work: Callable[[], T], then: "Callable[[asyncio.Future[T]], None]") -> None:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        done.set_result(work())
        then(done)

    inject(Aside, "run", run_at_once)
    inject(snippets, "_pieces", lambda text: [text])


@mutant("PROTOCOL-055", wrong="executes a command again whose event is ephemeral", failure="done 2 times")
def repeats_ephemeral_commands(inject: Inject) -> None:
    record = Engine._record

    def record_what_is_kept(engine: Engine, decided: Decided, key: Key | None, *more: Any) -> None:
        record(engine, decided, None if decided.only_said else key, *more)

    inject(Engine, "_record", record_what_is_kept)


@mutant(
    "PERFORMANCE-004",
    wrong="answers a question that comes while it is writing as it answered the one before",
    failure="session_id is",
)
def answers_the_question_of_another(inject: Inject) -> None:
    query = Engine.query
    newest: list[Outcome] = []

    def query_or_repeat(
        engine: Engine, handler: Handler, data: dict[str, Any], context: Context, answer: Answer
    ) -> None:
        def keep(outcome: Outcome) -> None:
            newest[:] = [outcome]
            answer(outcome)

        if engine._pending and newest:
            answer(newest[0])
        else:
            query(engine, handler, data, context, keep)

    inject(Engine, "query", query_or_repeat)


@mutant("UPGRADE-002", wrong="gives the events of before a restart ids of its own", failure="At index 0 diff")
def gives_old_events_new_ids(inject: Inject) -> None:
    read = Reading.read
    start = Engine.start
    held: dict[Reading, int] = {}

    async def start_and_count(engine: Engine) -> None:
        await start(engine)
        held[engine.reading] = engine.offset(GLOBAL)

    async def read_anew(reading: Reading, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]:
        return [
            (offset, replace(event, id=str(uuid5(SELF, event.id))) if event.seq <= held[reading] else event)
            for offset, event in await read(reading, channel, after, limit)
        ]

    inject(Engine, "start", start_and_count)
    inject(Reading, "read", read_anew)


@mutant(
    "DEGRADATION-001",
    wrong="records once more, at each start, what it recorded last, in case that was cut off",
    failure="Left contains one more item: 'session.created'",
)
def repeats_its_last_record_at_start(inject: Inject) -> None:
    start = Engine.start

    def again(engine: Engine, event: StoredEvent) -> StoredEvent:
        channels = tuple((channel, engine._reserve(channel)) for channel, _ in event.channels)
        return replace(event, seq=engine._reserve(GLOBAL), id=fresh_id(), channels=channels)

    async def start_again(engine: Engine) -> None:
        await start(engine)
        last = engine.offset(GLOBAL)
        if last:
            [(_, event)] = await engine.reading.read(GLOBAL, last - 1, 1)
            engine._append(Entry((again(engine, event),)), lambda durable: None)

    inject(Engine, "start", start_again)
