"""What can go wrong, told apart by what the caller may conclude from it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bodhisattva.servers.client.position import Position

_UNPROCESSABLE = frozenset({1002, 1003, 1007, 1009})


class ClientError(Exception):
    """Every error of this package."""


class RequestFailed(ClientError):
    """The server answered with an error: it did not do what was asked.

    code: the protocol's error code (section 3). data: particulars such as `field`, `retry_after`, `expected`.
    """

    def __init__(self, code: str, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.data = data or {}


class Indeterminate(ClientError):
    """The request left and no answer came: it may or may not have been done.

    Sending it again with the same id is safe within the server's deduplication window (protocol 1.2).
    """


class RequestTimedOut(Indeterminate):
    """No answer within the time given, over however many connections that took."""


class ConnectionLost(Indeterminate):
    """The connection ended before the answer; only a request with `retry=False` sees this.

    code: the WebSocket close code, 1006 if there was no close frame.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the connection ended: {code} {reason}".rstrip())
        self.code = code
        self.reason = reason

    @property
    def retriable(self) -> bool:
        """False if the server could not process what it was sent: sending it again would end the same way."""
        return self.code not in _UNPROCESSABLE


class MalformedAnswer(ClientError):
    """The server answered, with what the protocol has no place for: another type, or a part that is missing."""


class Unreachable(ClientError):
    """There was no usable connection in time, so nothing was sent; `__cause__` tells why.

    retry_after: seconds that the server asked to wait before the next attempt, 0 if it did not.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(ClientError):
    """An error that no further attempt would mend: the client gives up and closes."""


class AuthenticationFailed(Refused):
    """The server refused the token, or there was none to be had."""


class CertificateRefused(Refused):
    """The server's certificate is not one that this client trusts."""


class Redirected(Refused):
    """The server answered the upgrade with a redirect, which is not followed: no other host gets the token."""


class ClientClosed(ClientError):
    """The client is closed, or was not entered yet."""


class SubscriptionRevoked(ClientError):
    """The server ended the subscription because the token no longer permits the channel."""

    def __init__(self, channel: str) -> None:
        super().__init__(f"the server revoked the subscription to {channel}")
        self.channel = channel


class Reconnected(ClientError):
    """A subscription that was not to be resumed has ended, since the client is connected anew."""


class Discontinuity(ClientError):
    """A channel's events do not follow on from one another; raised by the iteration where they break.

    before: the last position before the break. at: the position after which the events go on.
    The subscription stays alive: iterating on delivers what comes after the break.
    """

    def __init__(self, channel: str, before: "Position", at: "Position") -> None:
        super().__init__(f"{channel}: {self.what} between {before} and {at}")
        self.channel = channel
        self.before = before
        self.at = at

    what = "events are missing"


class PositionLost(Discontinuity):
    """The server no longer has what came after `before` (retention, or another log), and says so."""

    what = "the server no longer has the events"


class GapDetected(Discontinuity):
    """The server left out events that it had to send: a violation of the protocol."""

    what = "the server left out the events"
