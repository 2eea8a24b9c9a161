"""Servers that are wrong in how they execute commands and queries."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import uuid4, uuid5

from msgspec.structs import replace

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.core.engine.commands import Command, Evaluated, PreparedAppend
from bodhisattva.servers.core.engine.deduplication import UNAVAILABLE, Answer, Outcome
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.engine.local_appender import LocalAppender
from bodhisattva.servers.core.engine.log_reader import LogReader
from bodhisattva.servers.core.engine.processor import CommandProcessor
from bodhisattva.servers.core.engine.projection import Projection
from bodhisattva.servers.core.engine.worker_thread import WorkerThread
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
    def run_at_once(worker: WorkerThread, work: Callable[[], T], then: "Callable[[asyncio.Future[T]], None]") -> None:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        done.set_result(work())
        then(done)

    inject(WorkerThread, "run", run_at_once)
    inject(snippets, "_pieces", lambda text: [text])


@mutant("PROTOCOL-055", wrong="executes a command again whose event is ephemeral", failure="done 2 times")
def repeats_ephemeral_commands(inject: Inject) -> None:
    prepare = CommandProcessor.prepare

    def prepare_without_key(processor: CommandProcessor, command: Command, evaluated: Evaluated) -> PreparedAppend:
        if evaluated.ephemeral and command.key is not None:
            processor.projection.answers.settle(command.key, UNAVAILABLE, 0.0)
            command = command._replace(key=None)
        return prepare(processor, command, evaluated)

    inject(CommandProcessor, "prepare", prepare_without_key)


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

        if engine.lag and newest:
            answer(newest[0])
        else:
            query(engine, handler, data, context, keep)

    inject(Engine, "query", query_or_repeat)


@mutant("UPGRADE-002", wrong="gives the events of before a restart ids of its own", failure="At index 0 diff")
def gives_old_events_new_ids(inject: Inject) -> None:
    read = LogReader.read
    start = Engine.start
    held: dict[LogReader, int] = {}

    async def start_and_count(engine: Engine) -> None:
        await start(engine)
        held[engine.reader] = engine.offset(GLOBAL)

    async def read_anew(reader: LogReader, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]:
        return [
            (offset, replace(event, id=str(uuid5(SELF, event.id))) if event.seq <= held[reader] else event)
            for offset, event in await read(reader, channel, after, limit)
        ]

    inject(Engine, "start", start_and_count)
    inject(LogReader, "read", read_anew)


@mutant(
    "DEGRADATION-001",
    wrong="records once more, at each start, what it recorded last, in case that was cut off",
    failure="Left contains one more item: 'session.created'",
)
def repeats_its_last_record_at_start(inject: Inject) -> None:
    start = Engine.start

    def again(projection: Projection, event: StoredEvent) -> Entry:
        channels = tuple((channel, projection.reserve(channel)) for channel, _ in event.channels)
        return Entry((replace(event, seq=projection.reserve(GLOBAL), id=fresh_id(), channels=channels),))

    async def start_again(engine: Engine) -> None:
        await start(engine)
        last = engine.offset(GLOBAL)
        if last:
            [(_, event)] = await engine.reader.read(GLOBAL, last - 1, 1)
            appender = engine._appender
            assert isinstance(appender, LocalAppender)
            command = Command(lambda _: Decision({}), None, None, "", lambda _: None, None)
            entry = again(engine._projection, event)
            appender._append(PreparedAppend(command, Decision({}), Outcome.of({}), entry))

    inject(Engine, "start", start_again)
