"""The messages of all baselines: in the envelope of the protocol, and as large as a service's event."""

import json
import sys
from typing import Any

from bodhisattva.chaos.bench.generator import EVENT_SIZE, QUERIED_PATH, VALUE

HOST = "127.0.0.1"
FRAME_HEAD = 4  # bytes of a frame before a payload of this size
STATE = {"state_path": QUERIED_PATH, "value": VALUE, "version": 1}
_ID = "9f7a4c52-6f1b-4a52-8f0e-0d6c1f5a7b3e"
_AT = "2026-01-01T00:00:00.000000+00:00"


def port() -> int:
    return int(sys.argv[1])


def envelope(kind: str, event: str | None, data: Any, correlation_id: str | None = None) -> dict[str, Any]:
    """The nine keys that are always there."""
    return {
        "type": kind,
        "id": _ID,
        "correlation_id": correlation_id,
        "event": event,
        "data": data,
        "timestamp": _AT,
        "room": None,
        "error_code": None,
        "error_message": None,
    }


def response(message: dict[str, Any]) -> dict[str, Any]:
    return envelope("response", message["event"], STATE, message["id"])


def padding(bare: str) -> str:
    """What an event of this text lacks to be of EVENT_SIZE on the wire."""
    return "x" * (EVENT_SIZE - FRAME_HEAD - len(bare))


def _event(value: str) -> str:
    return json.dumps(envelope("event", "state.changed", {"offset": "%08d", "value": value}))


# The number takes eight places where its pattern takes four.
_EVENT = _event(padding(_event("") % 0))


def event(number: int) -> str:
    """The text of an event, made once for all receivers."""
    return _EVENT % number
