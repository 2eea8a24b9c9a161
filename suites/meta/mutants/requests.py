"""Servers that are wrong in how they answer requests of the protocol, and in how large a message they read."""

import re
from typing import Any

import msgspec

from bodhisattva.servers.core import envelope, shape
from bodhisattva.servers.core.connections import requests
from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.errors import Unavailable, UnknownRequest
from bodhisattva.servers.core.service import Handler, Service
from bodhisattva.servers.mahavishnu.runner import _CallRunner
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "PROTOCOL-154",
    wrong="repeats the answer to a join to a connection that it does not let join",
    failure="0 members after the answer to a join",
)
def joins_only_the_first_connection(inject: Inject) -> None:
    of = Handler.of

    def of_all_connections(*given: Any, per_connection: bool = False, **options: Any) -> Handler:
        return of(*given, **options)

    inject(Handler, "of", of_all_connections)


@mutant(
    "DEGRADATION-014",
    wrong="does nothing for anybody until another service has answered a stage's request",
    failure="UNAVAILABLE",
)
def does_nothing_else_while_a_stage_waits(inject: Inject) -> None:
    domain = Requests._domain
    make = _CallRunner.run
    waiting: set[_CallRunner] = set()

    def domain_unless_waiting(requests: Requests, caller: Caller, request: Request) -> None:
        if waiting:
            raise Unavailable("A stage is under way.")
        domain(requests, caller, request)

    async def make_alone(calling: _CallRunner) -> None:
        waiting.add(calling)
        try:
            await make(calling)
        finally:
            waiting.discard(calling)

    inject(Requests, "_domain", domain_unless_waiting)
    inject(_CallRunner, "run", make_alone)


@mutant("AUTH-031", wrong="checks a command's data before the user's permission", failure="INVALID_DATA")
def judges_data_before_permission(inject: Inject) -> None:
    domain = Requests._domain

    def domain_of_good_data(requests: Requests, caller: Caller, request: Request) -> None:
        command = requests._settings.service.command_handlers.get(str(request.message.event))
        if command is not None:
            envelope.convert(request.message.data or {}, command.input_type)
        domain(requests, caller, request)

    inject(Requests, "_domain", domain_of_good_data)


@mutant(
    "PROTOCOL-024",
    wrong="answers a request that it does not know as if it had done it",
    failure='"type":"response","event":"no_such_request"',
)
def welcomes_unknown_requests(inject: Inject) -> None:
    domain = Requests._domain

    def do_anything(requests: Requests, caller: Caller, request: Request) -> None:
        try:
            domain(requests, caller, request)
        except UnknownRequest:
            caller.answer(request.message, Outcome.of({}))

    inject(Requests, "_domain", do_anything)


@mutant(
    "PROTOCOL-033",
    wrong="names the last offset of a page of the history as the newest of the channel",
    failure="is not the newest offset",
)
def reports_the_end_of_a_page_as_the_newest(inject: Inject) -> None:
    history = Requests._history

    async def history_to_its_end(requests: Requests, caller: Caller, request: Request) -> Outcome:
        answer = (await history(requests, caller, request)).decoded()
        ends = [event["offset"] for event in answer["events"]] or [answer["offset"]]
        return Outcome.of(answer | {"offset": ends[-1]})

    inject(Requests, "_history", history_to_its_end)


@mutant("PROTOCOL-079", wrong="lacks a query that the protocol names", failure="there is no get_skill_metrics")
def lacks_a_query_of_the_protocol(inject: Inject) -> None:
    handlers = Service.__dict__["query_handlers"].func

    def without_metrics(service: Service) -> dict[str, Handler]:
        return {name: handler for name, handler in handlers(service).items() if name != "get_skill_metrics"}

    inject(Service, "query_handlers", property(without_metrics))


class History(msgspec.Struct, frozen=True):
    after: int = 0
    limit: int = 100


@mutant("PROTOCOL-029", wrong="takes any number for the offset of a history", failure="history was not refused")
def accepts_negative_offsets(inject: Inject) -> None:
    inject.constant(requests, "History", History, reader=(Requests, "_history"))


@mutant("PROTOCOL-025", wrong="reads JSON that is nested more deeply than it claims", failure="65 levels")
def reads_any_nesting(inject: Inject) -> None:
    def flat(_outside: bytes) -> int:
        return 0

    inject(shape, "_depth", flat)


@mutant(
    "SECURITY-202", wrong="passes over the whole message once for each level of its nesting", failure="times as long"
)
def counts_nesting_level_by_level(inject: Inject) -> None:
    check = shape.check

    def check_by_levels(text: str, *, values: int, nesting: int) -> None:
        brackets = re.sub(r"[^][]+", "", text)
        for _ in range(nesting):
            brackets.replace("[]", "")
        check(text, values=values, nesting=nesting)

    inject(shape, "check", check_by_levels)


@mutant(
    "SECURITY-201", wrong="decodes messages with more values than it claims", failure="values", also=("SECURITY-202",)
)
def reads_any_number_of_values(inject: Inject) -> None:
    check = shape.check

    def check_nesting(text: str, *, values: int, nesting: int) -> None:
        check(text, values=len(text) + values, nesting=nesting)

    inject(shape, "check", check_nesting)


@mutant("PROTOCOL-025", wrong="reads a level of nesting less than it claims", failure="in vain for the answer to deep")
def reads_less_nesting_than_it_claims(inject: Inject) -> None:
    check = shape.check

    def check_less(text: str, *, values: int, nesting: int) -> None:
        check(text, values=values, nesting=nesting - 1)

    inject(shape, "check", check_less)
