"""The envelope (protocol 1): one JSON object per text frame, decoded strictly, encoded once."""

import os
import time
from itertools import chain, repeat
from typing import Any, TypeVar

import msgspec

from bodhisattva.servers.core import shape
from bodhisattva.servers.core.config import Limits
from bodhisattva.servers.core.errors import DecodeFailed, ErrorCode, InvalidData

T = TypeVar("T")

_PATTERN = "Expected `str` matching regex"
_NAMED_BY_TYPE = frozenset({"subscribe", "unsubscribe", "ping"})
_DRAWN = 256  # ids drawn from the system at once
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
INCOMING_TYPES = frozenset({"request", "subscribe", "unsubscribe", "ping", "event", "ack"})


class Heading(msgspec.Struct):
    """What names a client's message."""

    type: str
    id: str | None = None
    correlation_id: str | None = None
    event: str | None = None

    @property
    def name(self) -> str | None:
        """The name of the request; three types need no `event` (1.3)."""
        return self.type if self.type in _NAMED_BY_TYPE else self.event

    @property
    def answer_to(self) -> str | None:
        """The `correlation_id` of the answer (1.1): the request's id, or else its own correlation id."""
        return self.id if self.id is not None else self.correlation_id


class Incoming(Heading):
    """What a client may send; unknown keys are ignored, wrong types are a DECODE_ERROR."""

    data: dict[str, Any] | None = None
    timestamp: str | None = None
    traceparent: Any = None


class Outgoing(msgspec.Struct):
    """What a server sends; the nine keys are always written, unused ones as null."""

    id: str
    type: str
    event: str | None
    data: Any
    timestamp: str
    correlation_id: str | None = None
    room: str | None = None
    error_code: str | None = None
    error_message: str | None = None


class CorrelatedOutgoing(Outgoing):
    """An answer that also returns the request's own, differing correlation id (1.1)."""

    request_correlation_id: str | None = None


class NumberedOutgoing(Outgoing, kw_only=True):
    """An event of a persisted channel (section 5)."""

    offset: int
    epoch: str


class TracedOutgoing(NumberedOutgoing, kw_only=True):
    """An event that is part of a trace (W3C Trace Context)."""

    traceparent: str


_decoder = msgspec.json.Decoder(Incoming)
_heading_decoder = msgspec.json.Decoder(Heading)
_encoder = msgspec.json.Encoder()
encode = _encoder.encode


class _Clock:
    """The time as text; what is the same for a whole second is written once in it."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def now(self) -> str:
        second, microsecond = divmod(time.time_ns() // 1000, 1_000_000)
        if second != self._second:
            self._second, self._text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._text}.{microsecond:06d}+00:00"


timestamp = _Clock().now
"""Now, in ISO 8601 and UTC with its offset."""


def _draw(count: int) -> list[str]:
    """So many times 128 random bits, in hexadecimal, for one call of the system."""
    block = os.urandom(16 * count).hex()
    return [block[place : place + 32] for place in range(0, len(block), 32)]


_digits = chain.from_iterable(map(_draw, repeat(_DRAWN)))


def fresh_id() -> str:
    """A random UUID (RFC 9562, version 4), written out directly: the library's object costs more than the rest."""
    digits = next(_digits)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"


def decode(text: str, limits: Limits) -> Incoming:
    """Read one frame; DecodeFailed names the error in its form, or the limit that it exceeds."""
    shape.check(text, values=limits.values, nesting=limits.nesting)
    return _read(_decoder, text)


def decode_heading(text: str) -> Heading:
    """What an answer needs of a message: no object is made of its data, whatever that holds."""
    return _read(_heading_decoder, text)


def _read(decoder: "msgspec.json.Decoder[T]", text: str) -> T:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise DecodeFailed("The message is not an envelope: one JSON object with a type.") from None


def convert(data: dict[str, Any], to: type[T]) -> T:
    """Read a request's data as `to`; InvalidData names the field that does not fit."""
    try:
        return msgspec.convert(data, to)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        field = ".".join(part for part in (path.strip("`."), _missing_field(reason)) if part)
        if reason.startswith(_PATTERN):
            reason = "this text has a form that the field does not take"
        raise InvalidData(f"The data does not fit: {reason}.", field=field or None) from None


def _missing_field(reason: str) -> str:
    """msgspec names a missing or unknown field only in its sentence."""
    return reason.rsplit("`", 2)[1] if reason.startswith("Object missing") else ""


def response(request: Heading, data: Any) -> bytes:
    """The answer to `request`; data: a JSON object, or its encoding as msgspec.Raw."""
    return _answer(request, "response", data, None, None)


def error(request: Heading | None, code: ErrorCode, message: str, data: Any) -> bytes:
    """An error that answers `request`, or stands alone (`event` null) if there was none."""
    return _answer(request, "error", data, code.value, message)


def pong(request: Heading) -> bytes:
    return _answer(request, "pong", {}, None, None)


def event(name: str, data: Any, *, room: str | None = None, at: str | None = None) -> bytes:
    """An event without offset: welcome, notices, ephemeral channels."""
    return encode(Outgoing(fresh_id(), "event", name, data, at or timestamp(), room=room))


def numbered_event(
    event_id: str, name: str, data: Any, *, room: str, at: str, offset: int, epoch: str, trace: str | None = None
) -> bytes:
    """An event of a persisted channel; its id is the log's, the same live and replayed, as its trace is."""
    if trace is None:
        return encode(NumberedOutgoing(event_id, "event", name, data, at, room=room, offset=offset, epoch=epoch))
    return encode(
        TracedOutgoing(event_id, "event", name, data, at, room=room, offset=offset, epoch=epoch, traceparent=trace)
    )


def _answer(request: Heading | None, kind: str, data: Any, code: str | None, message: str | None) -> bytes:
    if request is None:
        return encode(Outgoing(fresh_id(), kind, None, data, timestamp(), None, None, code, message))
    answered = request.answer_to
    own = request.correlation_id
    if own is not None and own != answered:
        return encode(
            CorrelatedOutgoing(fresh_id(), kind, request.name, data, timestamp(), answered, None, code, message, own)
        )
    return encode(Outgoing(fresh_id(), kind, request.name, data, timestamp(), answered, None, code, message))
