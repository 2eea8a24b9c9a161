"""One connection's protocol state (protocol 1 to 4) without I/O: messages and time in, outputs out.

A session is told what arrived and what time it is, and says what to do. It owns no socket, no clock and no task,
so each rule can be tested by calling it.
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

UNSUPPORTED_DATA = 1003
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
_FAILED = "Authentication failed"
_UNTOLD = 0.5


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

    last: what is said before that, and behind the answers to what was asked earlier.
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
        "_closing", "_heartbeat", "_policy", "_rate", "_secure", "_warned",
        "channels", "connection_id", "identity", "opened", "received_type",
    )  # fmt: skip

    def __init__(self, policy: SessionSettings, connection_id: str, now: Now, *, secure: bool) -> None:
        self.connection_id = connection_id
        self.identity: Identity | None = None
        self.channels: set[str] = set()
        self.received_type = "other"
        self._policy = policy
        self._secure = secure
        self.opened = now.monotonic
        self._heartbeat = Heartbeat(policy.timeouts, now.monotonic)
        self._rate = RateGuard(policy.limits, now.monotonic)
        self._warned = False
        self._closing = False

    def open(self, identity: Identity | None) -> list[Output]:
        """The upgrade is done; `identity` is that of its Authorization header, if there was one."""
        if identity is None and self._policy.verifier is None:
            identity = ANYBODY
        if identity is None:
            return []
        if not self._policy.admit(identity.user_id):
            return self._close(TRY_AGAIN_LATER, "Too many connections")
        self.identity = identity
        return [self._welcome()]

    def end(self) -> None:
        """The connection is closing: what still arrives is not taken."""
        self._closing = True

    def heard(self) -> None:
        """Bytes arrived, be it in the middle of a message."""
        self._heartbeat.heard()

    def delayed(self, now: Now) -> None:
        """The peer took some of what was sent before the ping, which is still on its way."""
        self._heartbeat.delayed(now.monotonic)

    def receive_text(self, text: str, now: Now) -> list[Output]:
        """A text frame arrived."""
        if self._closing:
            return []
        if self.identity is not None and (ended := self._ended(self.identity, now)):
            return ended
        self.received_type = "other"
        retry_after = self._rate.take(now.monotonic, self._policy.limits)
        if retry_after and self._rate.exhausted(now.monotonic, self._policy.limits):
            return self._close(POLICY_VIOLATION, "Rate limit exceeded")
        if retry_after:
            excess = RateLimitExceeded("Too many messages.", retry_after=math.ceil(retry_after * 1000) / 1000)
            return [_error(self._heading(text), excess)]
        longest = self._policy.limits.first_message_bytes
        if self.identity is None and _longer(text, longest):
            return self._refuse(None, AuthRequired("The first message is too large.", limit=longest))
        try:
            message = envelope.decode(text, self._policy.limits)
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
        return self._close(UNSUPPORTED_DATA, "Text frames only")

    def receive_ping(self, payload: bytes, now: Now) -> list[Output]:
        """A ping frame arrived; over the message rate it is not answered."""
        excess = self._excess(now)
        return [Pong(payload)] if excess is None else excess

    def receive_pong(self, now: Now) -> list[Output]:
        """A pong frame arrived, asked for or not."""
        return self._excess(now) or []

    def _excess(self, now: Now) -> list[Output] | None:
        """None for a control frame within the message rate; whoever keeps on over it is closed."""
        if self._closing:
            return []
        if not self._rate.take(now.monotonic, self._policy.limits):
            return None
        if self._rate.exhausted(now.monotonic, self._policy.limits):
            return self._close(POLICY_VIOLATION, "Rate limit exceeded")
        return []

    def tick(self, now: Now) -> list[Output]:
        """Time has passed: the auth timeout, the token's end and the heartbeat are due here."""
        if self._closing:
            return []
        if self.identity is None:
            if now.monotonic - self.opened < self._policy.timeouts.auth:
                return []
            return self._refuse(None, AuthRequired("No authentication came in time."))
        return self._ended(self.identity, now) or self._warn(self.identity, now) or self._beat(now)

    def due(self, now: Now) -> float:
        """The monotonic time at which the next tick may ask for something, if nothing arrives until then.

        A reload or a revocation in between is no arrival: at most `_UNTOLD` seconds pass until it is noticed.
        """
        due = now.monotonic + _UNTOLD
        if self.identity is None:
            return min(due, self.opened + self._policy.timeouts.auth)
        if self.identity.expires_at is not None:
            early = 0.0 if self._warned else self._policy.expiry_warning
            due = min(due, now.monotonic + self.identity.expires_at - early - now.wall)
        return min(due, self._heartbeat.due(self._policy.timeouts))

    def _beat(self, now: Now) -> list[Output]:
        beat = self._heartbeat.tick(now.monotonic, self._policy.timeouts)
        if beat is Beat.GONE:
            return self._close(ABNORMAL, "No answer to a ping")
        return [Ping()] if beat is Beat.PING else []

    def _first(self, message: Incoming) -> list[Output]:
        """The first message authenticates or the connection ends (protocol 2.3)."""
        if message.type != "request" or message.event != "auth":
            return self._refuse(message, AuthRequired("The first message must authenticate."))
        try:
            identity = self._verify(message)
        except AuthFailed as failure:
            return self._refuse(message, failure)
        if not self._policy.admit(identity.user_id):
            full = LimitExceeded("Too many connections.", limit=self._policy.limits.connections_per_user)
            return [_error(message, full), *self._close(TRY_AGAIN_LATER, "Too many connections")]
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
                self._policy.permissions.check_channel(renewed, channel)
            except ServiceError:
                notice = envelope.event("subscription.revoked", {"channel": channel}, room=channel)
                outputs += [Revoke(channel), Reply(notice, "event")]
        return outputs

    def _verify(self, message: Incoming) -> Identity:
        if self._policy.verifier is None:
            return ANYBODY
        return self._policy.verifier.verify((message.data or {}).get("token"))

    def _ended(self, identity: Identity, now: Now) -> list[Output]:
        """A live connection ends with its token, or with the token's revocation (protocol 2, Tokens)."""
        if self._policy.verifier is not None and self._policy.verifier.revokes(identity):
            return self._close(POLICY_VIOLATION, _FAILED, _error(None, AuthFailed("The token has been revoked.")))
        if identity.expires_at is None or now.wall < identity.expires_at:
            return []
        expired = _error(None, TokenExpired("The token has expired."))
        return [*self._warn(identity, now), *self._close(POLICY_VIOLATION, "Token expired", expired)]

    def _warn(self, identity: Identity, now: Now) -> list[Output]:
        """Once for each token, shortly before its end, or at its end if a busy loop let the time pass."""
        if identity.expires_at is None or self._warned or not self._policy.expiry_warning:
            return []
        remaining = identity.expires_at - now.wall
        if remaining > self._policy.expiry_warning:
            return []
        self._warned = True
        warning = envelope.event("auth.expiring", {"expires_in": max(0, round(remaining, 3))})
        return [Reply(warning, "event")]

    def _welcome(self) -> Reply:
        """Protocol 2.4."""
        policy = self._policy
        data = {
            "connection_id": self.connection_id,
            "server": policy.service.server,
            "message": f"Connected to {policy.service.server}",
            "authenticated": policy.verifier is not None,
            "secure": self._secure,
            "tls_mode": "WSS" if self._secure else "WS",
            "rate_limit": {
                "messages_per_second": policy.limits.messages_per_second,
                "burst": policy.limits.burst,
            },
            "features": policy.features,
        }
        return Reply(envelope.event("session.created", data), "event")

    def _refuse(self, message: Incoming | None, failure: ServiceError) -> list[Output]:
        """An authentication that failed (protocol 2.3): the error, then 1008."""
        reason = _FAILED if failure.code is ErrorCode.AUTH_FAILED else "Authentication required"
        return [_error(message, failure), *self._close(POLICY_VIOLATION, reason)]

    def _close(self, code: int, reason: str, last: Reply | None = None) -> list[Output]:
        self._closing = True
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


def _longer(text: str, limit: int) -> bool:
    """Whether a text has more bytes than `limit`."""
    return len(text) > limit or len(text.encode(errors="replace")) > limit


def _error(message: Heading | None, failure: ServiceError) -> Reply:
    return Reply(envelope.error(message, failure.code, failure.message, failure.data), "error", failure.code)
