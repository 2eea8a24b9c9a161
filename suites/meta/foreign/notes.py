"""The service: notes, the events about them, and who has subscribed to what."""

import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any, Protocol

from rules import LIMITS, SERVICE, Refused, Token, allowed

CHANNEL = re.compile(r"note:[\w.@/+-][\w.@/+:-]{0,199}", re.ASCII)
COMMANDS, QUERIES = ("add_note", "edit_note"), ("get_note",)


class Subscriber(Protocol):
    token: Token | None

    def write(self, envelope: dict[str, Any]) -> None: ...


def well_known() -> bytes:
    kinds = [{"kind": kind, "persisted": True, "private": False} for kind in ("note:", "global")]
    return json.dumps(
        {
            "service": SERVICE,
            "server": SERVICE,
            "version": "1.0",
            "protocol": "1.0",
            "features": ["auth"],
            "limits": LIMITS,
            "channels": kinds,
            "requests": {"queries": QUERIES, "commands": COMMANDS},
        }
    ).encode()


class Notes:
    """All that the server holds. Its log lives as long as its process, and so does its epoch."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.epoch = str(uuid.uuid4())
        self.notes: dict[str, str] = {}
        self.offsets: dict[str, int] = {}
        self.subscribers: dict[str, set[Subscriber]] = {}
        self.connections: set[Subscriber] = set()

    def envelope(self, kind: str, event: str | None, data: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "id": str(uuid.uuid4()),
            "type": kind,
            "event": event,
            "data": data,
            "timestamp": datetime.now(UTC).isoformat(),
            "correlation_id": None,
            "room": None,
            "error_code": None,
            "error_message": None,
            **more,
        }

    def event(self, name: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self.envelope("event", name, data, **more)

    def answer(self, request: dict[str, Any], data: dict[str, Any], kind: str = "response") -> dict[str, Any]:
        return self.envelope(kind, request.get("event"), data, **_correlation(request))

    def error(self, request: dict[str, Any] | None, refusal: Refused) -> dict[str, Any]:
        texts = {"error_code": refusal.code, "error_message": refusal.message}
        event = None if request is None else request.get("event") or request["type"]
        return self.envelope("error", event, refusal.data, **texts, **_correlation(request or {}))

    def membership(self, who: Subscriber, name: str, channel: Any) -> dict[str, Any]:
        """Subscribe or unsubscribe."""
        if not isinstance(channel, str) or not (channel == "global" or CHANNEL.fullmatch(channel)):
            raise Refused("INVALID_CHANNEL", "There is no such channel.", field="channel")
        if name == "unsubscribe":
            self.unsubscribe(who, channel)
            return {"status": "unsubscribed", "channel": channel}
        if who.token is None or not allowed(who.token, "read"):
            raise Refused("FORBIDDEN", "This channel is not open to you.")
        mine = [each for each, members in self.subscribers.items() if who in members]
        if channel not in mine and len(mine) >= LIMITS["channels"]:
            raise Refused("LIMIT_EXCEEDED", "Too many channels.", limit=LIMITS["channels"])
        self.subscribers.setdefault(channel, set()).add(who)
        position = {"epoch": self.epoch, "offset": self.offsets.get(channel, 0), "recovered": False}
        return {"status": "subscribed", "channel": channel, **position}

    def unsubscribe(self, who: Subscriber, channel: str) -> None:
        self.subscribers.get(channel, set()).discard(who)

    def leave(self, who: Subscriber) -> None:
        for members in self.subscribers.values():
            members.discard(who)

    def forbidden(self, who: Subscriber) -> list[str]:
        """The channels that somebody is on and may not be on any more."""
        if who.token is not None and allowed(who.token, "read"):
            return []
        return [channel for channel, members in self.subscribers.items() if who in members]

    def check_allowed(self, token: Token, name: str) -> None:
        if name not in (*QUERIES, *COMMANDS):
            raise Refused("UNKNOWN_REQUEST", "There is no such request.")
        if not allowed(token, "read" if name in QUERIES else "write"):
            raise Refused("FORBIDDEN", "This is not allowed to you.")

    def do(self, name: str, data: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The answer, and the events of each channel."""
        note, text = _text(data, "note_id"), "" if name == "get_note" else _text(data, "text")
        if not CHANNEL.fullmatch(f"note:{note}"):
            raise Refused("INVALID_DATA", "This is no name of a note.", field="note_id")
        known = note in self.notes
        if name == "add_note" and known:
            raise Refused("CONFLICT", "There is such a note.", field="note_id")
        if name != "add_note" and not known:
            raise Refused("NOT_FOUND", "There is no such note.", field="note_id")
        if name == "get_note":
            return {"note_id": note, "text": self.notes[note]}, []
        self.notes[note] = text
        return {"note_id": note}, self.recorded(
            "note.added" if name == "add_note" else "note.edited", f"note:{note}", {"note_id": note, "text": text}
        )

    def recorded(self, name: str, channel: str, data: dict[str, Any]) -> list[dict[str, Any]]:
        """The event on its channel and on global: one id and time, and the offset of each."""
        event = self.event(name, data, epoch=self.epoch)
        events = []
        for room in (channel, "global"):
            self.offsets[room] = self.offsets.get(room, 0) + 1
            events.append({**event, "room": room, "offset": self.offsets[room]})
        return events

    def deliver(self, event: dict[str, Any]) -> None:
        for who in list(self.subscribers.get(event["room"], ())):
            who.write(event)


def _correlation(request: dict[str, Any]) -> dict[str, Any]:
    name, other = request.get("id"), request.get("correlation_id")
    more = {"request_correlation_id": other} if name is not None and other not in (None, name) else {}
    return {"correlation_id": other if name is None else name, **more}


def _text(data: dict[str, Any], field: str) -> str:
    value = data.get(field)
    if not isinstance(value, str):
        raise Refused("INVALID_DATA", f"{field} must be a string.", field=field)
    return value
