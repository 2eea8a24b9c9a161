"""Servers that are wrong in how they recognise a command that is sent again."""

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.domain import Context
from bodhisattva.servers.core.engine import engine, projection
from bodhisattva.servers.core.engine.deduplication import Answer, Answers, Key, Outcome, key_of
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.engine.replay import Replayed, apply_all, replay
from bodhisattva.servers.core.log.base import Log, StoredAnswer
from bodhisattva.servers.core.service import Handler, Service
from bodhisattva.suites.meta.inject import Inject, mutant

KEPT = 1000


@mutant(
    "PROTOCOL-051",
    wrong="executes a command again that comes again while it is being executed",
    failure="create_session was refused",
)
def executes_a_retry_of_a_running_command(inject: Inject) -> None:
    is_repeated = Answers.is_repeated

    def answered_before(answers: Answers, key: Key, answer: Answer, now: float) -> bool:
        return key not in answers._waiting and is_repeated(answers, key, answer, now)

    inject(Answers, "is_repeated", answered_before)


@mutant(
    "PROTOCOL-050",
    wrong="forgets which commands it has answered, and executes a retried one again",
    failure="create_session was refused",
)
def executes_retries_again(inject: Inject) -> None:
    def never_known(*_: object) -> bool:
        return False

    inject(Answers, "is_repeated", never_known)


@mutant(
    "DEGRADATION-021",
    wrong="answers a command that it could not store UNAVAILABLE for ever after",
    failure="was refused",
)
def never_retries_a_command_that_it_could_not_store(inject: Inject) -> None:
    settle = Answers.settle
    load = Answers.load

    def settle_for_good(answers: Answers, key: Key, outcome: Outcome, now: float) -> None:
        settle(answers, key, outcome, now)
        answers._known[key] = (now, outcome)

    def load_besides(answers: Answers, stored: Sequence[StoredAnswer]) -> None:
        known = answers._known
        load(answers, stored)
        answers._known = {**known, **answers._known}

    inject(Answers, "load", load_besides)
    inject(Answers, "settle", settle_for_good)


@mutant(
    "UPGRADE-005",
    wrong="remembers which commands it has answered only until it is restarted",
    failure="create_session was refused",
)
def forgets_answers_in_a_crash(inject: Inject) -> None:
    def load_nothing(_answers: Answers, _stored: Sequence[StoredAnswer]) -> None:
        """As if none had been stored."""

    inject(Answers, "load", load_nothing)


@mutant("PROTOCOL-053", wrong="remembers after a crash that it answered a command, but not what", failure="{} == {'s")
def loses_the_content_of_answers_in_a_crash(inject: Inject) -> None:
    load = Answers.load

    def load_emptied(answers: Answers, stored: Sequence[StoredAnswer]) -> None:
        load(answers, stored)
        for key, (at, outcome) in answers._known.items():
            answers._known[key] = (at, replace(outcome, data=Outcome.of({}).data))

    inject(Answers, "load", load_emptied)


@mutant("PROTOCOL-054", wrong="decides a refused command anew when it comes again", failure="was not refused")
def decides_refused_commands_anew(inject: Inject) -> None:
    settle = Answers.settle

    def settle_what_was_done(answers: Answers, key: Key, outcome: Outcome, now: float) -> None:
        settle(answers, key, outcome, now)
        if outcome.code is not None:
            answers._known.pop(key, None)

    inject(Answers, "settle", settle_what_was_done)


@mutant("PROTOCOL-050", wrong="knows a command again only on the connection on which it came", failure="was refused")
def remembers_ids_by_connection(inject: Inject) -> None:
    command = Engine.command

    def command_here(there: Engine, handler: Any, data: Any, context: Context, *others: Any) -> None:
        def key_here(user_id: str, request_id: str) -> Key:
            return key_of(user_id, context.connection_id + request_id)

        with patch.object(engine, "key_of", key_here):
            command(there, handler, data, context, *others)

    inject(Engine, "command", command_here)


@mutant(
    "PROTOCOL-052",
    wrong="takes another user's command for a repetition if its id is the same",
    failure="get_session was refused",
)
def shares_ids_between_users(inject: Inject) -> None:
    command = Engine.command

    def command_of_anybody(
        engine: Engine, handler: Handler, data: dict[str, Any], context: Context, request_id: str | None, answer: Answer
    ) -> None:
        command(engine, handler, data, replace(context, user_id="anybody"), request_id, answer)

    inject(Engine, "command", command_of_anybody)


@mutant("PROTOCOL-056", wrong="executes other data under the id of an earlier command", failure="assert {")
def deduplicates_by_data(inject: Inject) -> None:
    command = Engine.command

    def command_by_data(
        engine: Engine, handler: Handler, data: dict[str, Any], context: Context, request_id: str | None, answer: Answer
    ) -> None:
        command(engine, handler, data, context, f"{request_id} {data}", answer)

    inject(Engine, "command", command_by_data)


@mutant("PROTOCOL-057", wrong="takes ids that begin alike for the same", failure="get_session was refused")
def truncates_ids(inject: Inject) -> None:
    def key_of_beginning(user_id: str, request_id: str) -> Key:
        return user_id, request_id[:KEPT]

    inject(engine, "key_of", key_of_beginning)


@mutant(
    "UPGRADE-022", wrong="forgets what happened together with the events that retention removes", failure="NOT_FOUND"
)
def forgets_with_its_events(inject: Inject) -> None:
    async def replay_what_is_left(service: Service, log: Log, **options: Any) -> Replayed:
        """The offsets are right, and the state is that of the events that are still held."""
        whole = await replay(service, log, **options)
        state = service.state()
        async for chunk in log.replay((await log.log_starts()).get(GLOBAL, 0)):
            apply_all(state, chunk)
        return whole._replace(state=state)

    inject(projection, "replay", replay_what_is_left)
