"""The envelope as a client sees it (contract 1)."""

from typing import Any
from uuid import uuid4

import msgspec

from bodhisattva.servers.client.position import Position


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
    offset: int | None = None
    epoch: str | None = None
    traceparent: Any = None


class Event(msgspec.Struct, frozen=True):
    """Something that happened.

    channel: None for what concerns the connection alone. position: None on ephemeral channels.
    timestamp: ISO 8601 with offset, as the server wrote it. traceparent: of the trace that it is part of.
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
    return _decoder.decode(text)


def encode_request(name: str, data: dict[str, Any], request_id: str, traceparent: str | None = None) -> str:
    request = {"type": "request", "event": name, "id": request_id, "data": data}
    if traceparent is not None:
        request["traceparent"] = traceparent
    return msgspec.json.encode(request).decode()


def events_of(answer: dict[str, Any]) -> list[Event]:
    """The events in a `history` answer, which names their channel and epoch once for all of them."""
    shared = {"type": "event", "room": answer.get("channel"), "epoch": answer.get("epoch")}
    return [Event.of(msgspec.convert(shared | item, Envelope)) for item in answer["events"]]


def position_of(epoch: str | None, offset: int | None) -> Position | None:
    return None if epoch is None or offset is None else Position(epoch, offset)


def fresh_id() -> str:
    return uuid4().hex
