"""One connection's protocol state (protocol 1 to 4) without I/O: messages and time in, outputs out.

Its inputs are what arrived and the time, its outputs what the connection has to do. It owns no socket, no clock and no
task, so each rule can be tested by calling it. It receives only while the connection's lifecycle is open.
"""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.auth.tokens import ANYBODY, Identity
from bodhisattva.servers.core.connections.limits import RateGuard
from bodhisattva.servers.core.connections.session_settings import SessionSettings
from bodhisattva.servers.core.envelope import Heading, Incoming
from bodhisattva.servers.core.errors import (
    AuthFailed,
    AuthRequired,
    DecodeFailed,
    ErrorCode,
    InvalidMessage,
    LimitExceeded,
    RateLimitExceeded,
    ServiceError,
    TokenExpired,
)
from bodhisattva.servers.core.transport.frames import ABNORMAL
from bodhisattva.servers.core.transport.heartbeat import Beat, Heartbeat
from bodhisattva.servers.core.transport.lifecycle import Lifecycle

UNSUPPORTED_DATA = 1003
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
_FAILED = "Authentication failed"
_LONGEST_WAIT = 0.5  # seconds until the next tick, at most


class Now(msgspec.Struct, frozen=True, gc=False):
    """The time twice: monotonic seconds for limits, seconds since 1970 for tokens."""

    monotonic: float
    wall: float


class Reply(msgspec.Struct, frozen=True):
    """Send this text; kind: the envelope's type, error: its code if it is one."""

    payload: bytes
    kind: str
    error: ErrorCode | None = None


class Close(msgspec.Struct, frozen=True):
    """Close with this code; ABNORMAL means without a closing handshake, for a peer that no longer answers.

    last: sent before that, after the answers to earlier requests.
    """

    code: int
    reason: str
    last: Reply | None = None


class Ping(msgspec.Struct, frozen=True):
    """Send a ping frame."""


class Pong(msgspec.Struct, frozen=True):
    """Answer a ping frame with its payload."""

    payload: bytes


class Revoke(msgspec.Struct, frozen=True):
    """Leave a channel that the renewed token does not allow."""

    channel: str


class Request(msgspec.Struct, frozen=True):
    """A request of an authenticated user, to be answered exactly once."""

    message: Incoming
    identity: Identity


Output = Reply | Close | Ping | Pong | Revoke | Request


class Session:
    """The protocol state of one connection.

    secure: whether the client itself came by TLS.
    channels: what it is subscribed to. received_type: of the last text, "other" if it was no envelope.
    """

    __slots__ = (
        "_heartbeat", "_lifecycle", "_rate", "_secure", "_settings", "_warned",
        "channels", "connection_id", "identity", "opened", "received_type",
    )  # fmt: skip

    def __init__(
        self, settings: SessionSettings, lifecycle: Lifecycle, connection_id: str, now: Now, *, secure: bool
    ) -> None:
        self.connection_id = connection_id
        self.identity: Identity | None = None
        self.channels: set[str] = set()
        self.received_type = "other"
        self._settings = settings
        self._lifecycle = lifecycle
        self._secure = secure
        self.opened = now.monotonic
        self._heartbeat = Heartbeat(settings.timeouts, now.monotonic)
        self._rate = RateGuard(settings.limits, now.monotonic)
        self._warned = False

    def open(self, identity: Identity | None) -> list[Output]:
        """The upgrade is done; `identity` is that of its Authorization header, if there was one."""
        if identity is None and self._settings.verifier is None:
            identity = ANYBODY
        if identity is None:
            return []
        if not self._settings.admit(identity.user_id):
            return _close(TRY_AGAIN_LATER, "Too many connections")
        self.identity = identity
        return [self._welcome()]

    def data_received(self) -> None:
        """Bytes arrived, be it in the middle of a message."""
        self._heartbeat.data_received()

    def ping_delayed(self, now: Now) -> None:
        """The peer took some of what was sent before the ping, which is still on its way."""
        self._heartbeat.ping_delayed(now.monotonic)

    def receive_text(self, text: str, now: Now) -> list[Output]:
        """A text frame arrived."""
        if not self._lifecycle.receives:
            return []
        if self.identity is not None and (expired := self._expire(self.identity, now)):
            return expired
        self.received_type = "other"
        retry_after = self._rate.take(now.monotonic, self._settings.limits)
        if retry_after and self._rate.exhausted(now.monotonic, self._settings.limits):
            return _close(POLICY_VIOLATION, "Rate limit exceeded")
        if retry_after:
            excess = RateLimitExceeded("Too many messages.", retry_after=math.ceil(retry_after * 1000) / 1000)
            return [_error(self._heading(text), excess)]
        longest = self._settings.limits.first_message_bytes
        if self.identity is None and _exceeds(text, longest):
            return self._refuse(None, AuthRequired("The first message is too large.", limit=longest))
        try:
            message = envelope.decode(text, self._settings.limits)
        except DecodeFailed as problem:
            return self._undecodable(problem)
        self.received_type = message.type
        if self.identity is None:
            return self._first(message)
        return self._dispatch(message, self.identity)

    def _heading(self, text: str) -> Heading | None:
        """What names a message that is dropped, None if that cannot be read."""
        try:
            heading = envelope.decode_heading(text)
        except DecodeFailed:
            return None
        self.received_type = heading.type
        return heading

    def _undecodable(self, problem: DecodeFailed) -> list[Output]:
        if self.identity is None:
            return self._refuse(None, AuthRequired("The first message must authenticate."))
        return [_error(None, problem)]

    def receive_binary(self) -> list[Output]:
        return _close(UNSUPPORTED_DATA, "Text frames only")

    def receive_ping(self, payload: bytes, now: Now) -> list[Output]:
        """A ping frame arrived; over the message rate it is not answered."""
        excess = self._excess(now)
        return [Pong(payload)] if excess is None else excess

    def receive_pong(self, now: Now) -> list[Output]:
        """A pong frame arrived, whether or not a ping was sent."""
        return self._excess(now) or []

    def _excess(self, now: Now) -> list[Output] | None:
        """None for a control frame within the message rate; a client that keeps on over it is closed."""
        if not self._lifecycle.receives:
            return []
        if not self._rate.take(now.monotonic, self._settings.limits):
            return None
        if self._rate.exhausted(now.monotonic, self._settings.limits):
            return _close(POLICY_VIOLATION, "Rate limit exceeded")
        return []

    def tick(self, now: Now) -> list[Output]:
        """Time has passed: the auth timeout, the token's end and the heartbeat are due here."""
        if not self._lifecycle.receives:
            return []
        if self.identity is None:
            if now.monotonic - self.opened < self._settings.timeouts.auth:
                return []
            return self._refuse(None, AuthRequired("No authentication came in time."))
        return self._expire(self.identity, now) or self._warn(self.identity, now) or self._beat(now)

    def due(self, now: Now) -> float:
        """The monotonic time of the next tick with something to do, if nothing arrives until then.

        A reload or a revocation in between is no arrival: at most `_LONGEST_WAIT` seconds pass until it is noticed.
        """
        due = now.monotonic + _LONGEST_WAIT
        if self.identity is None:
            return min(due, self.opened + self._settings.timeouts.auth)
        if self.identity.expires_at is not None:
            early = 0.0 if self._warned else self._settings.expiry_warning
            due = min(due, now.monotonic + self.identity.expires_at - early - now.wall)
        return min(due, self._heartbeat.due(self._settings.timeouts))

    def _beat(self, now: Now) -> list[Output]:
        beat = self._heartbeat.tick(now.monotonic, self._settings.timeouts)
        if beat is Beat.GONE:
            return _close(ABNORMAL, "No answer to a ping")
        return [Ping()] if beat is Beat.PING else []

    def _first(self, message: Incoming) -> list[Output]:
        """The first message authenticates or the connection ends (protocol 2.3)."""
        if message.type != "request" or message.event != "auth":
            return self._refuse(message, AuthRequired("The first message must authenticate."))
        try:
            identity = self._verify(message)
        except AuthFailed as failure:
            return self._refuse(message, failure)
        if not self._settings.admit(identity.user_id):
            full = LimitExceeded("Too many connections.", limit=self._settings.limits.connections_per_user)
            return [_error(message, full), *_close(TRY_AGAIN_LATER, "Too many connections")]
        self.identity = identity
        return [_authenticated(message, identity, "authenticated"), self._welcome()]

    def _dispatch(self, message: Incoming, identity: Identity) -> list[Output]:
        if message.type == "ack":
            return []
        if message.type == "ping" or (message.type == "request" and message.event == "ping"):
            return [Reply(envelope.pong(message), "pong")]
        try:
            request = _as_request(message)
            if request.event in ("auth", "refresh_token"):
                return self._renew(request, identity)
        except ServiceError as refusal:
            return [_error(message, refusal)]
        return [Request(request, identity)]

    def _renew(self, message: Incoming, identity: Identity) -> list[Output]:
        """A fresh token of the same user; channels that it does not allow are left."""
        status = "refreshed" if message.event == "refresh_token" else "authenticated"
        renewed = identity.renewed_by(self._verify(message))
        self.identity = renewed
        self._warned = False
        outputs: list[Output] = [_authenticated(message, renewed, status)]
        for channel in sorted(self.channels):
            try:
                self._settings.permissions.check_channel(renewed, channel)
            except ServiceError:
                notice = envelope.event("subscription.revoked", {"channel": channel}, room=channel)
                outputs += [Revoke(channel), Reply(notice, "event")]
        return outputs

    def _verify(self, message: Incoming) -> Identity:
        if self._settings.verifier is None:
            return ANYBODY
        return self._settings.verifier.verify((message.data or {}).get("token"))

    def _expire(self, identity: Identity, now: Now) -> list[Output]:
        """A live connection ends with its token, or with the token's revocation (protocol 2, Tokens)."""
        if self._settings.verifier is not None and self._settings.verifier.revokes(identity):
            return _close(POLICY_VIOLATION, _FAILED, _error(None, AuthFailed("The token has been revoked.")))
        if identity.expires_at is None or now.wall < identity.expires_at:
            return []
        expired = _error(None, TokenExpired("The token has expired."))
        return [*self._warn(identity, now), *_close(POLICY_VIOLATION, "Token expired", expired)]

    def _warn(self, identity: Identity, now: Now) -> list[Output]:
        """Once for each token, shortly before its end, or at its end if a busy loop let the time pass."""
        if identity.expires_at is None or self._warned or not self._settings.expiry_warning:
            return []
        remaining = identity.expires_at - now.wall
        if remaining > self._settings.expiry_warning:
            return []
        self._warned = True
        warning = envelope.event("auth.expiring", {"expires_in": max(0, round(remaining, 3))})
        return [Reply(warning, "event")]

    def _welcome(self) -> Reply:
        """Protocol 2.4."""
        settings = self._settings
        data = {
            "connection_id": self.connection_id,
            "server": settings.service.server,
            "message": f"Connected to {settings.service.server}",
            "authenticated": settings.verifier is not None,
            "secure": self._secure,
            "tls_mode": "WSS" if self._secure else "WS",
            "rate_limit": {
                "messages_per_second": settings.limits.messages_per_second,
                "burst": settings.limits.burst,
            },
            "features": settings.features,
        }
        return Reply(envelope.event("session.created", data), "event")

    def _refuse(self, message: Incoming | None, failure: ServiceError) -> list[Output]:
        """An authentication that failed (protocol 2.3): the error, then 1008."""
        reason = _FAILED if failure.code is ErrorCode.AUTH_FAILED else "Authentication required"
        return [_error(message, failure), *_close(POLICY_VIOLATION, reason)]


def _close(code: int, reason: str, last: Reply | None = None) -> list[Output]:
    return [Close(code, reason, last)]


def _as_request(message: Incoming) -> Incoming:
    """The request that a message means; the published client's forms are taken too (1.3)."""
    if message.type == "request":
        if not message.event:
            raise InvalidMessage("A request needs its name in event.", field="event")
        return message
    named = message.event if message.type == "event" else message.type
    if named not in ("subscribe", "unsubscribe"):
        raise InvalidMessage("This type is not taken here.", type=message.type[:50])
    return Incoming("request", message.id, message.correlation_id, named, message.data)


def _authenticated(message: Incoming, identity: Identity, status: str) -> Reply:
    expires = identity.expires_at
    data: dict[str, Any] = {
        "status": status,
        "user_id": identity.user_id,
        "expires_at": datetime.fromtimestamp(expires, UTC).isoformat() if expires else None,
    }
    return Reply(envelope.response(message, data), "response")


def _exceeds(text: str, limit: int) -> bool:
    """Whether a text has more bytes than `limit`."""
    return len(text) > limit or len(text.encode(errors="replace")) > limit


def _error(message: Heading | None, failure: ServiceError) -> Reply:
    return Reply(envelope.error(message, failure.code, failure.message, failure.data), "error", failure.code)
