"""The client's errors, one class for each conclusion that a caller can draw."""

from typing import Any

from bodhisattva.servers.client.position import Position

_UNPROCESSABLE = frozenset({1002, 1003, 1007, 1009})


class ClientError(Exception):
    """The base of every error of this package."""


class RequestFailed(ClientError):
    """The server answered with an error: it did not carry the request out.

    code: the error code (protocol 3). data: details such as `field`, `retry_after`, `expected`.
    """

    def __init__(self, code: str, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.data = data or {}


class Indeterminate(ClientError):
    """The request was sent and no answer came: the server may have executed it or not.

    Sending it again with the same id is safe within the server's deduplication window (protocol 1.2).
    """


class RequestTimedOut(Indeterminate):
    """No answer came within the timeout, over any number of connections."""


class ConnectionLost(Indeterminate):
    """The connection ended before the answer; raised only for a request with `retry=False`.

    code: the WebSocket close code, 1006 if there was no close frame.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the connection ended: {code} {reason}".rstrip())
        self.code = code
        self.reason = reason

    @property
    def retriable(self) -> bool:
        """False if the server could not process the message: it would end the next connection the same way."""
        return self.code not in _UNPROCESSABLE


class MalformedAnswer(ClientError):
    """The server's answer does not have the protocol's form: a field is missing or has another type."""


class Unreachable(ClientError):
    """There was no usable connection in time, so nothing was sent; `__cause__` is the reason.

    retry_after: seconds that the server requested before the next attempt, 0 if it did not.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(ClientError):
    """An error that no further attempt would mend: the client stops and closes."""


class AuthenticationFailed(Refused):
    """The server refused the token, or the token callable failed."""


class CertificateRefused(Refused):
    """This client does not trust the server's certificate."""


class Redirected(Refused):
    """The server answered the upgrade with a redirect. The client follows none: no other host gets the token."""


class ClientClosed(ClientError):
    """The client is closed, or is not open yet."""


class SubscriptionRevoked(ClientError):
    """The server ended the subscription because the token no longer permits the channel."""

    def __init__(self, channel: str) -> None:
        super().__init__(f"the server revoked the subscription to {channel}")
        self.channel = channel


class Reconnected(ClientError):
    """The client has reconnected, which ends a subscription with `resume=False`."""


class Discontinuity(ClientError):
    """A channel's events are not contiguous; the iteration raises this at the place of the break.

    before: the last position before the break. at: the position after which the events go on.
    The subscription stays alive: the iteration can go on after the break.
    """

    def __init__(self, channel: str, before: Position, at: Position) -> None:
        super().__init__(f"{channel}: {self.what} between {before} and {at}")
        self.channel = channel
        self.before = before
        self.at = at

    what = "events are missing"


class PositionLost(Discontinuity):
    """The server declares that it no longer has the events after `before` (retention, or another log)."""

    what = "the server no longer has the events"


class GapDetected(Discontinuity):
    """The server left out events that it had to deliver: a violation of the protocol."""

    what = "the server left out the events"
