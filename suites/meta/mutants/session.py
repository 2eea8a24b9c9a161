"""Servers that are wrong in the course of a session: its first message, its welcome, its pings."""

import json
from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.auth.tokens import ANYBODY, Identity
from bodhisattva.servers.core.connections import session
from bodhisattva.servers.core.connections.session import Now, Output, Reply, Request, Session, _error
from bodhisattva.servers.core.connections.session_settings import SessionSettings
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import DecodeFailed, ErrorCode, InvalidMessage
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "PROTOCOL-021",
    wrong="answers only the first piece of junk until something better comes",
    failure="['DECODE_ERROR'] == ",
)
def complains_of_junk_only_once(inject: Inject) -> None:
    complaining: set[Session] = set()
    dispatch = Session._dispatch
    complain = Session._undecodable

    def dispatch_and_forgive(session: Session, message: Incoming, identity: Identity) -> list[Output]:
        complaining.discard(session)
        return dispatch(session, message, identity)

    def complain_once(session: Session, problem: DecodeFailed) -> list[Output]:
        if session in complaining:
            return []
        complaining.add(session)
        return complain(session, problem)

    inject(Session, "_dispatch", dispatch_and_forgive)
    inject(Session, "_undecodable", complain_once)


@mutant("PROTOCOL-032", wrong="does not answer a message of type ping", failure="in vain for the answer to p")
def ignores_ping_messages(inject: Inject) -> None:
    dispatch = Session._dispatch

    def dispatch_others(session: Session, message: Incoming, identity: Identity) -> list[Output]:
        return [] if message.type == "ping" else dispatch(session, message, identity)

    inject(Session, "_dispatch", dispatch_others)


@mutant("AUTH-012", wrong="answers a ping before anybody has authenticated", failure="first message")
def answers_pings_before_auth(inject: Inject) -> None:
    first = Session._first

    def ping_first(session: Session, message: Incoming) -> list[Output]:
        return [Reply(envelope.pong(message), "pong")] if message.type == "ping" else first(session, message)

    inject(Session, "_first", ping_first)


@mutant(
    "AUTH-010",
    wrong="welcomes before it answers auth",
    failure="== ('response', 'auth', 'first')",
    also=("SECURITY-010",),
)
def welcomes_before_it_answers(inject: Inject) -> None:
    first = Session._first

    def reversed_first(session: Session, message: Incoming) -> list[Output]:
        outputs = first(session, message)
        return outputs[::-1] if session.identity is not None else outputs

    inject(Session, "_first", reversed_first)


@mutant("AUTH-013", wrong="goes on after a first message that it cannot read", failure="first message")
def continues_after_an_unreadable_first_message(inject: Inject) -> None:
    def forgive(_: Session, problem: DecodeFailed) -> list[Output]:
        return [_error(None, problem)]

    inject(Session, "_undecodable", forgive)


@mutant("TLS-001", wrong="reports over TLS that it is not secure", failure="False is True")
def reports_itself_as_insecure(inject: Inject) -> None:
    welcome = Session._welcome

    def insecure_welcome(session: Session) -> Reply:
        with patch.object(session, "_secure", False):
            return welcome(session)

    inject(Session, "_welcome", insecure_welcome)


@mutant("PROTOCOL-071", wrong="names no features in its welcome", failure="assert [] == [")
def welcomes_without_its_features(inject: Inject) -> None:
    welcome = Session._welcome

    def bare_welcome(session: Session) -> Reply:
        with patch.object(SessionSettings, "features", ()):
            return welcome(session)

    inject(Session, "_welcome", bare_welcome)


@mutant(
    "PROTOCOL-064",
    wrong="counts only the connections of users that authenticate by a message",
    failure="in vain for the connection's end",
)
def does_not_count_users_with_a_header(inject: Inject) -> None:
    def open_uncounted(session: Session, identity: Identity | None) -> list[Output]:
        session.identity = identity
        return [] if identity is None else [session._welcome()]

    inject(Session, "open", open_uncounted)


@mutant("PROTOCOL-022", wrong="passes over binary frames", failure="in vain for the connection's end")
def passes_over_binary_frames(inject: Inject) -> None:
    def pass_over(_session: Session) -> list[Output]:
        return []

    inject(Session, "receive_binary", pass_over)


@mutant("SECURITY-018", wrong="does not answer a client's pings", failure="<Opcode.PONG")
def answers_no_pings(inject: Inject) -> None:
    def send_nothing(_session: Session, _payload: bytes, _now: Now) -> list[Output]:
        return []

    inject(Session, "receive_ping", send_nothing)


@mutant(
    "PROTOCOL-060",
    wrong="executes the requests that it answers RATE_LIMIT_EXCEEDED",
    failure="get_session was not refused",
)
def executes_requests_over_the_rate(inject: Inject) -> None:
    receive_text = Session.receive_text

    def is_too_much(output: Output) -> bool:
        return isinstance(output, Reply) and output.error is ErrorCode.RATE_LIMIT_EXCEEDED

    def receive_all(session: Session, text: str, now: Now) -> list[Output]:
        outputs = receive_text(session, text, now)
        if session.identity is None or not any(map(is_too_much, outputs)):
            return outputs
        message = envelope.decode(text, session._settings.limits)
        return [*outputs, Request(Incoming(message.type, None, None, message.event, message.data), session.identity)]

    inject(Session, "receive_text", receive_all)


@mutant("PROTOCOL-020", wrong="ignores JSON that is no object", failure="was answered with []")
def ignores_json_that_is_no_object(inject: Inject) -> None:
    receive = Session.receive_text

    def receive_objects(session: Session, text: str, now: Now) -> list[Output]:
        try:
            read = json.loads(text)
        except ValueError:
            read = {}
        return receive(session, text, now) if isinstance(read, dict) else []

    inject(Session, "receive_text", receive_objects)


@mutant(
    "PROTOCOL-023",
    wrong="answers a type that it does not know as if the message could not be read",
    failure="type 'response'",
)
def answers_unknown_types_with_decode_error(inject: Inject) -> None:
    as_request = session._as_request

    def as_request_or_junk(message: Incoming) -> Incoming:
        try:
            return as_request(message)
        except InvalidMessage:
            raise DecodeFailed("The message is not an envelope.") from None

    inject(session, "_as_request", as_request_or_junk)


@mutant("AUTH-001", wrong="answers a good token with another name than the user's", failure="== 'ann'")
def answers_auth_with_another_user(inject: Inject) -> None:
    authenticated = session._authenticated

    def as_anybody(message: Incoming, identity: Identity, status: str) -> Reply:
        return authenticated(message, replace(identity, user_id=ANYBODY.user_id), status)

    inject(session, "_authenticated", as_anybody)
