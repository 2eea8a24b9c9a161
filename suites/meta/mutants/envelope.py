"""Servers that are wrong in the fields of what they send and in how they check those of what they receive."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.envelope import Incoming, Outgoing
from bodhisattva.servers.core.errors import ErrorCode, InvalidData, NotFound
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant("PROTOCOL-013", wrong="answers a request for a channel's history twice", failure="answered again")
def answers_twice(inject: Inject) -> None:
    answer = Connection.answer

    def answer_again(connection: Connection, message: Incoming, outcome: Outcome) -> None:
        answer(connection, message, outcome)
        if message.event == "history":
            answer(connection, message, outcome)

    inject(Connection, "answer", answer_again)


@mutant(
    "PROTOCOL-010",
    wrong="echoes no correlation id in its answer to unsubscribe",
    failure="in vain for the answer to unsubscribe of",
    also=("PROTOCOL-013", "PROTOCOL-034"),
)
def does_not_correlate(inject: Inject) -> None:
    answer = Connection.answer

    def answer_uncorrelated(connection: Connection, message: Incoming, outcome: Outcome) -> None:
        if message.event == "unsubscribe":
            connection._in_flight.end(message, None)
            message = msgspec.structs.replace(message, id=None, correlation_id=None)
        answer(connection, message, outcome)

    inject(Connection, "answer", answer_uncorrelated)


@mutant(
    "PROTOCOL-011",
    wrong="correlates nothing where a request has only a correlation id",
    failure="in vain for the answer to mine",
)
def correlates_by_id_alone(inject: Inject) -> None:
    def by_id(message: Incoming) -> str | None:
        return message.id

    inject(Incoming, "answer_to", property(by_id))


@mutant(
    "PROTOCOL-038",
    wrong="answers INVALID_DATA where nothing is found",
    failure="'INVALID_DATA' == 'NOT_FOUND'",
    also=("AUTH-031",),
)
def answers_invalid_data_for_not_found(inject: Inject) -> None:
    def code(_: NotFound) -> ErrorCode:
        return ErrorCode.INVALID_DATA

    inject(NotFound, "code", property(code))


@mutant("PROTOCOL-012", wrong="drops a request's correlation id where it differs from its id", failure="not returned")
def drops_the_callers_correlation_id(inject: Inject) -> None:
    def without_the_callers(*fields: Any) -> Outgoing:
        return Outgoing(*fields[:-1])

    inject(envelope, "CorrelatedOutgoing", without_the_callers)


@mutant("PROTOCOL-003", wrong="gives an answer the id of its request", failure="a request's id is used again")
def answers_under_the_requests_id(inject: Inject) -> None:
    answer = envelope._answer

    def answer_as(*given: Any) -> bytes:
        whole = json.loads(answer(*given))
        return json.dumps({**whole, "id": whole["correlation_id"] or whole["id"]}).encode()

    inject(envelope, "_answer", answer_as)


class Strict(Incoming):
    data: dict[str, Any] = msgspec.field(default_factory=dict)


@mutant("PROTOCOL-008", wrong="takes null in place of data for junk", failure="in vain for the answer to ping 1")
def refuses_null_for_no_data(inject: Inject) -> None:
    inject.constant(envelope, "_decoder", msgspec.json.Decoder(Strict), reader=(envelope, "decode"))


@mutant("PROTOCOL-007", wrong="refuses messages that have a key it does not know", failure="in vain for the answer to")
def refuses_unknown_keys(inject: Inject) -> None:
    class Strict(Incoming, forbid_unknown_fields=True):
        pass

    inject.constant(envelope, "_decoder", msgspec.json.Decoder(Strict), reader=(envelope, "decode"))


@mutant("PROTOCOL-039", wrong="does not name the field of a request that is wrong", failure="no field is named")
def omits_the_wrong_field(inject: Inject) -> None:
    convert = envelope.convert

    def convert_tersely(data: dict[str, Any], to: type[Any]) -> Any:
        try:
            return convert(data, to)
        except InvalidData as refusal:
            raise InvalidData(refusal.message) from None

    inject(envelope, "convert", convert_tersely)


@mutant("PROTOCOL-027", wrong="puts the text of its exceptions into its errors", failure="the message shows")
def explains_itself_by_its_exceptions(inject: Inject) -> None:
    convert = envelope.convert

    def convert_aloud(data: dict[str, Any], to: type[Any]) -> Any:
        try:
            return convert(data, to)
        except InvalidData as refusal:
            cause = msgspec.ValidationError(refusal.message)
            raise InvalidData(repr(cause), **refusal.data) from None

    inject(envelope, "convert", convert_aloud)


@mutant("PROTOCOL-005", wrong="refuses by a code alone, without a message for people", failure="an empty message")
def refuses_without_a_message(inject: Inject) -> None:
    error = envelope.error

    def error_by_code(request: Incoming | None, code: ErrorCode, _message: str, data: Any) -> bytes:
        return error(request, code, "", data)

    inject(envelope, "error", error_by_code)


@mutant(
    "PROTOCOL-071",
    wrong="welcomes users that have authenticated as if they had not",
    failure="the welcome does not show whether the connection is authenticated",
)
def welcomes_authenticated_users_as_anonymous(inject: Inject) -> None:
    event = envelope.event

    def event_of_a_stranger(name: str, data: Any, **options: Any) -> bytes:
        return event(name, data | {"authenticated": False} if name == "session.created" else data, **options)

    inject(envelope, "event", event_of_a_stranger)


@mutant(
    "PROTOCOL-001",
    wrong="leaves the keys of errors out of its pongs",
    failure="pong lacks ['error_code', 'error_message']",
)
def leaves_out_empty_keys(inject: Inject) -> None:
    pong = envelope.pong

    def pong_briefly(request: Incoming) -> bytes:
        whole = json.loads(pong(request))
        return json.dumps({key: whole[key] for key in whole if not key.startswith("error_")}).encode()

    inject(envelope, "pong", pong_briefly)


@mutant("PROTOCOL-002", wrong="sends null where it has no data", failure="data of the pong is no object")
def sends_null_for_no_data(inject: Inject) -> None:
    def pong_of_nothing(request: Incoming) -> bytes:
        return envelope._answer(request, "pong", None, None, None)

    inject(envelope, "pong", pong_of_nothing)


@mutant(
    "PROTOCOL-006",
    wrong="names an answer after what was done, not after the request",
    failure="'subscribed' == 'subscribe'",
)
def names_answers_after_their_result(inject: Inject) -> None:
    response = envelope.response

    def response_of_done(request: Incoming, data: Any) -> bytes:
        done = "subscribed" if request.event == "subscribe" else request.event
        return response(msgspec.structs.replace(request, event=done), data)

    inject(envelope, "response", response_of_done)


@mutant("PROTOCOL-004", wrong="writes timestamps without their offset from UTC", failure="is not UTC with its offset")
def writes_times_without_offset(inject: Inject) -> None:
    def naive(moment: datetime | None = None) -> str:
        return (moment or datetime.now(UTC)).replace(tzinfo=None).isoformat()

    inject(envelope, "timestamp", naive)
