"""Servers that are right in the middle of a rule, and wrong at its edge."""

from typing import Any

import jwt
from msgspec.structs import replace

from bodhisattva.servers.core.auth import keys
from bodhisattva.servers.core.auth.keys import Key
from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.connections import requests
from bodhisattva.servers.core.connections.requests import Caller, Requests
from bodhisattva.servers.core.connections.session import Now, Output, Request, Session
from bodhisattva.servers.core.engine import engine
from bodhisattva.servers.core.engine.commands import Command, Evaluated, PreparedAppend
from bodhisattva.servers.core.engine.deduplication import Key as RequestKey
from bodhisattva.servers.core.engine.deduplication import Outcome, key_of
from bodhisattva.servers.core.engine.processor import CommandProcessor
from bodhisattva.servers.core.errors import DecodeFailed, ErrorCode, InvalidChannel
from bodhisattva.servers.core.transport import frames
from bodhisattva.servers.core.transport.frame_reader import FrameReader
from bodhisattva.servers.core.transport.utf8 import Utf8Validator
from bodhisattva.suites.meta.inject import Inject, mutant

SHORT_PONG = 124


@mutant(
    "PROTOCOL-300",
    wrong="refuses a message of exactly the claimed size",
    failure="0 bytes read",
    also=("PROTOCOL-026", "PROTOCOL-151", "PROTOCOL-301"),
)
def refuses_the_claimed_size(inject: Inject) -> None:
    message_bytes = FrameReader.message_bytes

    def one_less(reader: FrameReader) -> int:
        return message_bytes(reader) - 1

    inject(FrameReader, "message_bytes", one_less)


@mutant("PROTOCOL-302", wrong="judges UTF-8 fragment by fragment", failure="0 bytes read")
def judges_text_by_fragment(inject: Inject) -> None:
    begin_frame = Utf8Validator.begin_frame

    def forget(text: Utf8Validator) -> None:
        text._cut = b""
        begin_frame(text)

    inject(Utf8Validator, "begin_frame", forget)


@mutant("PROTOCOL-303", wrong="cuts the payload of a pong to 124 bytes", failure="a ping of 125 bytes")
def shortens_pongs(inject: Inject) -> None:
    pong = frames.pong

    def shortened(payload: bytes) -> bytes:
        return pong(payload[:SHORT_PONG])

    inject(frames, "pong", shortened)


@mutant("PROTOCOL-304", wrong="answers DECODE_ERROR to a channel that is no string", failure="DECODE_ERROR")
def cannot_decode_such_a_channel(inject: Inject) -> None:
    channel = requests._channel

    def decoded(request: Request) -> str:
        try:
            return channel(request)
        except InvalidChannel as error:
            raise DecodeFailed("The channel is no string.") from error

    inject(requests, "_channel", decoded)


@mutant(
    "PROTOCOL-305",
    wrong="takes ids that differ in case only for the same",
    failure="taken for a repetition",
)
def compares_ids_without_case(inject: Inject) -> None:
    def lowered(user_id: str, request_id: str) -> RequestKey:
        return key_of(user_id, request_id.lower())

    inject(engine, "key_of", lowered)


@mutant(
    "PROTOCOL-306",
    wrong="decides anew after a restart what it had refused",
    failure="was not refused",
)
def forgets_refusals_at_a_restart(inject: Inject) -> None:
    prepare = CommandProcessor.prepare

    def storing_successes_only(processor: CommandProcessor, command: Command, evaluated: Evaluated) -> PreparedAppend:
        prepared = prepare(processor, command, evaluated)
        if prepared.outcome.code is None:
            return prepared
        return prepared._replace(entry=replace(prepared.entry, answer=None))

    inject(CommandProcessor, "prepare", storing_successes_only)


@mutant("PROTOCOL-307", wrong="keeps a FORBIDDEN as the answer of its id", failure="FORBIDDEN")
def keeps_what_was_forbidden(inject: Inject) -> None:
    domain = Requests._domain
    forbidden: dict[tuple[str, str | None], Outcome] = {}

    def remembering(handler: Requests, caller: Caller, request: Request) -> None:
        name = (request.identity.user_id, request.message.id)
        if name in forbidden:
            return caller.answer(request.message, forbidden[name])
        try:
            return domain(handler, caller, request)
        except Exception as error:
            if getattr(error, "code", None) is ErrorCode.FORBIDDEN:
                forbidden[name] = Outcome.refused(error)  # type: ignore[arg-type]
            raise

    inject(Requests, "_domain", remembering)


@mutant("AUTH-300", wrong="accepts a token whose audience is a list, whatever is in it", failure="was not refused")
def accepts_any_list_of_audiences(inject: Inject) -> None:
    signed_by = Verifier._signed_by

    def lenient(verifier: Verifier, key: Key, token: str) -> dict[str, Any]:
        try:
            return signed_by(verifier, key, token)
        except jwt.InvalidAudienceError:
            options = {"verify_aud": False, "verify_exp": False, "verify_sub": False, "verify_jti": False}
            claims: dict[str, Any] = jwt.decode(
                token,
                key.material,
                algorithms=[key.algorithm],
                options=options,  # type: ignore[arg-type]
            )
            if isinstance(claims.get("aud"), list):
                return claims
            raise

    inject(Verifier, "_signed_by", lenient)


@mutant("AUTH-301", wrong="lets the time for authentication begin anew with each ping frame", failure="in vain for")
def prolongs_authentication(inject: Inject) -> None:
    receive_ping = Session.receive_ping

    def renewed(session: Session, payload: bytes, now: Now) -> list[Output]:
        if session.identity is None:
            session.opened = now.monotonic
        return receive_ping(session, payload, now)

    inject(Session, "receive_ping", renewed)


@mutant(
    "AUTH-302",
    wrong="does not end connections that authenticated by the header with their token",
    failure="in vain",
)
def outlives_the_token_of_its_header(inject: Inject) -> None:
    opened = Session.open

    def endless(session: Session, identity: Identity | None) -> list[Output]:
        return opened(session, identity and replace(identity, expires_at=None))

    inject(Session, "open", endless)


@mutant(
    "AUTH-303",
    wrong="takes what follows the last colon for the user of a private channel",
    failure="subscribe was not refused",
)
def takes_the_last_part_for_the_user(inject: Inject) -> None:
    def last_part(_kind: ChannelKind, channel: str) -> str:
        return channel.rpartition(":")[2]

    inject(ChannelKind, "id_of", last_part)


@mutant("AUTH-304", wrong="refuses published secrets only as they are", failure="in vain for: the end of")
def accepts_lengthened_published_secrets(inject: Inject) -> None:
    def only_the_same(secret: bytes) -> bool:
        return len(set(secret)) < 4 or secret in keys.PUBLISHED_SECRETS

    inject(keys, "_can_be_guessed", only_the_same)
