"""The envelope, as a client reads and writes it (protocol 1)."""

from typing import Annotated, Any, TypeVar
from uuid import uuid4

import msgspec

from bodhisattva.servers.client.errors import MalformedAnswer
from bodhisattva.servers.client.position import Position

Offset = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
T = TypeVar("T")


class Envelope(msgspec.Struct):
    """One message from the server; unknown keys are ignored."""

    type: str
    id: str | None = None
    correlation_id: str | None = None
    event: str | None = None
    data: dict[str, Any] | None = None
    timestamp: str | None = None
    room: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    offset: Offset | None = None
    epoch: str | None = None
    traceparent: Any = None


class Event(msgspec.Struct, frozen=True):
    """An event.

    channel: None for an event about the connection. position: None on ephemeral channels.
    timestamp: ISO 8601 with offset, as the server wrote it. traceparent: of the trace that the event is part of.
    """

    name: str
    data: dict[str, Any]
    channel: str | None
    position: Position | None
    id: str
    timestamp: str
    traceparent: str | None = None

    @classmethod
    def of(cls, envelope: Envelope) -> "Event":
        return cls(
            name=envelope.event or "",
            data=envelope.data or {},
            channel=envelope.room,
            position=position_of(envelope.epoch, envelope.offset),
            id=envelope.id or "",
            timestamp=envelope.timestamp or "",
            traceparent=envelope.traceparent if isinstance(envelope.traceparent, str) else None,
        )


_decoder = msgspec.json.Decoder(Envelope)


def decode(text: str) -> Envelope:
    """Read one frame; msgspec.DecodeError if it is not an envelope."""
    try:
        return _decoder.decode(text)
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deeply") from None


def encode_request(name: str, data: dict[str, Any], request_id: str, traceparent: str | None = None) -> str:
    request = {"type": "request", "event": name, "id": request_id, "data": data}
    if traceparent is not None:
        request["traceparent"] = traceparent
    return msgspec.json.encode(request).decode()


class _SubscribeAnswer(msgspec.Struct):
    """The end of the channel's log; both are missing for an ephemeral channel."""

    epoch: str | None = None
    offset: Offset | None = None


class _HistoryHead(msgspec.Struct):
    epoch: str
    offset: Offset


class _HistoryAnswer(msgspec.Struct):
    events: list[dict[str, Any]]


class _PresenceAnswer(msgspec.Struct):
    members: list[dict[str, Any]]


def events_of(answer: dict[str, Any]) -> list[Event]:
    """The events of a `history` answer, which names their channel and epoch once; MalformedAnswer."""
    shared = {"type": "event", "room": answer.get("channel"), "epoch": answer.get("epoch")}
    return [
        Event.of(_read(shared | item, Envelope, "history")) for item in _read(answer, _HistoryAnswer, "history").events
    ]


def head_of(answer: dict[str, Any]) -> Position:
    """The newest position, from a `history` answer; MalformedAnswer."""
    head = _read(answer, _HistoryHead, "history")
    return Position(head.epoch, head.offset)


def members_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The members, from a `presence` answer; MalformedAnswer."""
    return _read(answer, _PresenceAnswer, "presence").members


def subscribed_at(answer: dict[str, Any]) -> Position | None:
    """The position in an answer to `subscribe`, None for an ephemeral channel; MalformedAnswer."""
    end = _read(answer, _SubscribeAnswer, "subscribe")
    return position_of(end.epoch, end.offset)


def _read(answer: dict[str, Any], kind: type[T], request: str) -> T:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise MalformedAnswer(f"the server's answer to {request} is not of the protocol: {error}") from error


def position_of(epoch: str | None, offset: int | None) -> Position | None:
    return None if epoch is None or offset is None else Position(epoch, offset)


def fresh_id() -> str:
    return uuid4().hex
