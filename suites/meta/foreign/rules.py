"""What a message and a token must be, and how many messages may come."""

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import jwt

LIMITS: dict[str, Any] = {
    "connections": 1000,
    "connections_per_user": 1000,
    "connections_per_address": 1000,
    "pending_connections": 1000,
    "messages_per_second": 100,
    "burst": 150.0,
    "rate_patience": 10,
    "channels": 1000,
    "message_bytes": 1 << 20,
    "unauthenticated_message_bytes": 16 << 10,
    "nesting": 64,
    "values": 50_000,
    "queue_bytes": 8 << 20,
    "queue_age": 10,
    "handshake_timeout": 10,
    "auth_timeout": 5,
    "ping_interval": 20,
    "ping_timeout": 20,
    "drain_timeout": 10,
    "drain_grace": 1,
    "deduplication_window": 600,
    "expiry_warning": 60,
    "max_token_lifetime": 3600,
}
LEEWAY = 5
SERVICE = "notes"
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')


class Refused(Exception):
    """An error for the client."""

    def __init__(self, code: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


@dataclass(frozen=True)
class Token:
    """A token that was accepted; end: seconds since the epoch."""

    user: str
    permissions: tuple[str, ...]
    end: float

    def as_dict(self, status: str) -> dict[str, Any]:
        return {"status": status, "user_id": self.user, "expires_at": datetime.fromtimestamp(self.end, UTC).isoformat()}


def allowed(token: Token, right: str) -> bool:
    rights = {"read": {"read", "write", "admin"}, "write": {"write", "admin"}}[right]
    return bool({"admin", *(f"{SERVICE}:{each}" for each in rights)} & set(token.permissions))


def verified(token: Any, secret: str) -> Token:
    """The token's content, or Refused."""
    refusal = Refused("AUTH_FAILED", "The token is not accepted.")
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], leeway=LEEWAY, options={"require": ["exp"]})
        now, end = time.time(), float(claims["exp"])
        lives = end - float(claims.get("iat", now))
    except (jwt.PyJWTError, TypeError, ValueError):
        raise refusal from None
    user = claims.get("user_id", claims.get("sub"))
    if end <= now or lives > LIMITS["max_token_lifetime"] or not isinstance(user, str) or not user:
        raise refusal
    given = claims.get("permissions")
    strings = isinstance(given, list) and all(isinstance(each, str) for each in given)
    return Token(user, tuple(given) if strings and given else (), end)


def read(text: str) -> dict[str, Any]:
    """The envelope in a message; ValueError if it is none."""
    outside = STRINGS.sub("", text)
    depth = deepest = values = 0
    for character in outside:
        if character in "[{":
            depth, values = depth + 1, values + 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
        values += character == ","
    if deepest > LIMITS["nesting"] or values > LIMITS["values"]:
        raise ValueError("too deep or too wide")
    envelope = json.loads(text, parse_constant=_no_number)
    json.dumps(envelope, ensure_ascii=False).encode()  # no half of a surrogate pair
    if not isinstance(envelope, dict) or not isinstance(envelope.get("type"), str):
        raise ValueError("no envelope")  # noqa: TRY004 - of the message
    keys = ("id", "event", "correlation_id", "timestamp")
    if not all(isinstance(envelope.get(key), str | None) for key in keys):
        raise ValueError("a key of another type")
    if not isinstance(envelope.get("data"), dict | None):
        raise ValueError("data of another type")  # noqa: TRY004 - of the message
    return envelope


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


class Bucket:
    """The messages that a connection may still send, and how long it has kept on beyond them."""

    def __init__(self) -> None:
        self.room, self.at = float(LIMITS["burst"]), time.monotonic()
        self.over_since: float | None = None

    def take(self) -> float:
        """0 if a message may come; else the seconds until one may."""
        now = time.monotonic()
        self.room = min(LIMITS["burst"], self.room + (now - self.at) * LIMITS["messages_per_second"])
        self.at = now
        if self.room >= 1:
            self.room -= 1
            if self.room > LIMITS["messages_per_second"] / 2:
                self.over_since = None
            return 0.0
        self.over_since = self.over_since or now
        return float((1 - self.room) / LIMITS["messages_per_second"])

    def patience_is_over(self) -> bool:
        return self.over_since is not None and time.monotonic() - self.over_since > LIMITS["rate_patience"]
