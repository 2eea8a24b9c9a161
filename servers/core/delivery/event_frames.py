"""A persisted event as it is sent: in a frame of its own, or in the answer to `history` (protocol 5)."""

from typing import Any

import msgspec

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.log.base import StoredEvent
from bodhisattva.servers.core.transport import frames


def numbered(event: StoredEvent, channel: str, offset: int, epoch: str) -> bytes:
    """The frame of a persisted event on one of its channels."""
    payload = envelope.numbered_event(
        event.id, event.name, event.data, room=channel, at=event.at, offset=offset, epoch=epoch, trace=event.trace
    )
    return frames.text(payload)


def history_entry(event: StoredEvent, offset: int) -> dict[str, Any]:
    """A persisted event as an element of a `history` answer."""
    return {
        "id": event.id,
        "event": event.name,
        "data": msgspec.json.decode(event.data),
        "timestamp": event.at,
        "offset": offset,
    }
